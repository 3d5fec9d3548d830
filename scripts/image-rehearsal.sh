#!/bin/sh
# Builds the Dockerfile where no image can be pulled, and looks into what came out. By hand, as root, on Debian 12 with
# buildah and debootstrap; takes Node and npm of this machine. Usage: scripts/image-rehearsal.sh [FOLDER], which keeps
# the images (about 3 GB) and the base between two runs; by default a new one that is removed at the end.
# The base is a stand-in for node:20-bookworm-slim: Debian's smallest system, Node, npm, the user 1000, the entrypoint.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
kept=${1:-}
work=${kept:-$(mktemp -d)}
mkdir -p "$work/run"
work=$(cd "$work" && pwd)
export TMPDIR="$work/run"
engine() { command=$1; shift; buildah --root "$work/images" --runroot "$work/run" "$command" "$@"; }
in_image() { engine run --isolation chroot --user 1000:1000 "$container" -- "$@"; }
clean() {
  engine rm --all >/dev/null 2>&1 || true
  [ -n "$kept" ] || rm -rf "$work"
}
trap clean EXIT

base="$work/base"
if [ ! -x "$base/usr/local/bin/docker-entrypoint.sh" ]; then
  rm -rf "$base"
  debootstrap --variant=minbase bookworm "$base" >"$work/debootstrap.log"
  chroot "$base" sh -c 'apt-get clean; groupadd --gid 1000 node; useradd --uid 1000 --gid node --create-home node'
  cp "$(readlink -f "$(command -v node)")" "$base/usr/local/bin/node"
  mkdir -p "$base/usr/local/lib/node_modules"
  cp -r "$(npm root --global)/npm" "$base/usr/local/lib/node_modules/npm"
  for name in npm npx; do ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$base/usr/local/bin/$name"; done
  printf '#!/bin/sh\nexec "$@"\n' >"$base/usr/local/bin/docker-entrypoint.sh"
  chmod 755 "$base/usr/local/bin/docker-entrypoint.sh"
fi
printf 'FROM scratch\nCOPY . /\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n%s\n' \
  'ENTRYPOINT ["docker-entrypoint.sh"]' >"$work/Dockerfile.base"
engine bud --layers --format docker -f "$work/Dockerfile.base" -t docker.io/library/node:20-bookworm-slim "$base"

# What this machine's npm is told reaches the build by a mount, and so never the image.
authorities=$(npm config get cafile)
printf 'registry=%s\n' "$(npm config get registry)" >"$work/npmrc"
set -- --volume "$work/npmrc:/usr/local/etc/npmrc:ro"
if [ -f "$authorities" ]; then
  echo 'cafile=/run/authorities.pem' >>"$work/npmrc"
  set -- "$@" --volume "$authorities:/run/authorities.pem:ro"
fi
engine bud --isolation chroot --pull-never --layers --format docker "$@" -t trailgraph "$root"

container=$(engine from --pull-never trailgraph)
mounted=$(engine mount "$container")
for folder in app/node_modules app/dist .; do (cd "$mounted" && du -sm "$folder" | sed 's/\t/ MB in /'); done
left=$(find "$mounted/app" \( -name '*.map' -o -name '.env*' -o -name '.git' -o -name '.npmrc' -o -name '*.pem' \) | head -n 5)
[ -z "$left" ] || { echo "left in the image: $left" >&2; exit 1; }
in_image sh -c 'test "$(id -u)" = 1000 && test -w /data && ! touch /app/probe 2>/dev/null'
in_image node -e 'for (const name of ["typescript", "jest", "vite"]) if (require("fs").existsSync(`node_modules/${name}`)) throw new Error(`${name} is in the image`)'
echo "trailgraph $(in_image npx trailgraph --version) is built; it starts as 1000:1000."
