// For mongosh: makes the replica set `trail` of three where there is none, and waits for its primary.
const members = [1, 2, 3].map((number) => ({ _id: number - 1, host: `mongo-${number}:27017` }));
try {
  rs.status();
} catch (error) {
  if (error.codeName !== 'NotYetInitialized') throw error;
  rs.initiate({ _id: 'trail', members });
}
const deadline = Date.now() + 60_000;
while (!db.hello().primary) {
  if (Date.now() > deadline) throw new Error('there is no primary after 60 s');
  sleep(500);
}
print(`the primary is ${db.hello().primary}`);
