/** User agents as CloudTrail records them, by the way in which somebody works. */

export const CLI_AGENTS = [
  'aws-cli/2.27.50 md/awscrt#0.26.1 ua/2.1 os/macos#24.5.0 md/arch#arm64 lang/python#3.13.4 md/pyimpl#CPython m/Z,b,E cfg/retry-mode#standard md/installer#exe sid/1a2f4c93b1de md/prompt#off md/command#ec2.describe-instances',
  'aws-cli/2.22.35 md/awscrt#0.23.4 ua/2.0 os/linux#6.8.0-1021-aws md/arch#x86_64 lang/python#3.12.6 md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/distrib#ubuntu.24 md/prompt#off md/command#sts.get-caller-identity',
  'aws-cli/1.40.18 md/Botocore#1.38.19 ua/2.1 os/windows#10 md/arch#amd64 lang/python#3.11.9 md/pyimpl#CPython m/b cfg/retry-mode#legacy botocore/1.38.19',
] as const;

export const SCRIPT_AGENTS = [
  'Boto3/1.38.27 md/Botocore#1.38.27 ua/2.1 os/linux#6.1.141-155.222.amzn2023.x86_64 md/arch#x86_64 lang/python#3.12.10 md/pyimpl#CPython m/Z,b cfg/retry-mode#legacy Botocore/1.38.27',
  'Boto3/1.34.162 md/Botocore#1.34.162 ua/2.0 os/macos#23.6.0 md/arch#arm64 lang/python#3.11.9 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.34.162',
  'aws-sdk-js/3.828.0 ua/2.1 os/linux#5.10.236-227.928.amzn2.x86_64 lang/js md/nodejs#20.19.2 api/dynamodb#3.828.0 m/E,n',
  'aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.24.3 md/GOOS#linux md/GOARCH#arm64 api/sqs#1.38.5 m/E,g',
  'aws-sdk-java/2.31.50 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1.134 lang/java#21.0.7 md/OpenJDK_64-Bit_Server_VM#21.0.7 md/vendor#Amazon.com_Inc. md/en_US m/D,E',
  'aws-sdk-rust/1.3.7 os/linux lang/rust/1.86.0',
  'aws-sdk-dotnet-coreclr/3.7.408.4 ua/2.0 os/windows#10.0.20348.0 md/ARCH#X64 lang/.NET_Core#8.0.15 md/aws-sdk-dotnet-core#3.7.402.24 api/S3#3.7.408.4 cfg/retry-mode#legacy',
  'S3Manager, aws-sdk-go/1.55.7 (go1.23.8; linux; amd64) S3Manager',
] as const;

export const DEPLOY_AGENTS = [
  'APN/1.0 HashiCorp/1.0 Terraform/1.12.1 (+https://www.terraform.io) terraform-provider-aws/5.99.1 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.23.8 md/GOOS#linux md/GOARCH#amd64 api/iam#1.42.0',
  'APN/1.0 HashiCorp/1.0 Terraform/1.5.7 (+https://www.terraform.io) terraform-provider-aws/4.67.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go/1.44.261 (go1.19.8; linux; amd64)',
  'APN/1.0 Pulumi/1.0 PulumiAws/6.83.0 (+https://www.pulumi.com) aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.24.1',
  'aws-cdk/2.1018.0 aws-sdk-js/3.821.0 ua/2.1 os/darwin#24.5.0 lang/js md/nodejs#22.16.0 api/cloudformation#3.821.0',
] as const;

export const BROWSER_AGENTS = [
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36 Edg/136.0.0.0',
  'Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
] as const;

export const CONSOLE_BACKEND_AGENTS = [
  'AWS Internal',
  'aws-internal/3 aws-sdk-java/1.12.780 Linux/5.10.236-208.928.amzn2int.x86_64 OpenJDK_64-Bit_Server_VM/25.452-b09 java/1.8.0_452 vendor/Oracle_Corporation cfg/retry-mode/standard',
] as const;

export const HOST_AGENTS = [
  'aws-sdk-go/1.55.5 (go1.23.8; linux; amd64) amazon-ssm-agent/3.3.2299.0',
  'kubernetes/v1.32.3-eks-473151a aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.24.2 md/GOARCH#amd64',
  'Amazon ECS Agent - v1.94.0 (6c0fb4c8) (linux) (+http://aws.amazon.com/ecs/)',
  'fluent-bit-cloudwatch-plugin/1.9.10 aws-sdk-cpp/1.11.560 ua/2.1 api/Logs os/Linux lang/c++#C++11',
] as const;
