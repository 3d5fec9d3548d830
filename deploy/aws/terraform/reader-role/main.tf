terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "trusted_principal_arn" {
  type        = string
  description = "Whose calls may assume the role, as testSource shows it (callerArn) without a roleArn. Name the role itself (iam), not its session."
}

variable "external_id" {
  type        = string
  description = "The source's aws.externalId."
}

variable "role_name" {
  type        = string
  default     = "TrailGraphReader"
  description = "Name of the role."
}

variable "lookup_events" {
  type        = bool
  default     = false
  description = "Whether a LOOKUP_EVENTS source uses the role."
}

variable "bucket_name" {
  type        = string
  default     = null
  description = "Bucket of the log files; null for LookupEvents alone."
}

variable "prefix" {
  type        = string
  default     = ""
  description = "What stands before AWSLogs/ in the keys, with the slash at its end."
}

variable "queue_arn" {
  type        = string
  default     = null
  description = "Queue of an S3_SQS source; null for an S3_BUCKET source."
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "Key that the log files are encrypted with; null for none of KMS."
}

data "aws_partition" "current" {}

resource "aws_iam_role" "reader" {
  name = var.role_name
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = var.trusted_principal_arn }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  })
}

resource "aws_iam_role_policy" "lookup_events" {
  count  = var.lookup_events ? 1 : 0
  name   = "trailgraph-lookup-events"
  role   = aws_iam_role.reader.id
  policy = templatefile("${path.module}/policies/lookup-events.json.tftpl", {})
}

resource "aws_iam_role_policy" "s3_bucket" {
  count = var.bucket_name != null && var.queue_arn == null ? 1 : 0
  name  = "trailgraph-s3-bucket"
  role  = aws_iam_role.reader.id
  policy = templatefile("${path.module}/policies/s3-bucket.json.tftpl", {
    partition   = data.aws_partition.current.partition
    bucket_name = var.bucket_name
    prefix      = var.prefix
  })
}

resource "aws_iam_role_policy" "s3_sqs" {
  count = var.queue_arn == null ? 0 : 1
  name  = "trailgraph-s3-sqs"
  role  = aws_iam_role.reader.id
  policy = templatefile("${path.module}/policies/s3-sqs.json.tftpl", {
    partition   = data.aws_partition.current.partition
    bucket_name = var.bucket_name
    queue_arn   = var.queue_arn
  })
}

resource "aws_iam_role_policy" "decrypt" {
  count = var.kms_key_arn == null ? 0 : 1
  name  = "trailgraph-decrypt"
  role  = aws_iam_role.reader.id
  policy = templatefile("${path.module}/policies/decrypt.json.tftpl", {
    kms_key_arn = var.kms_key_arn
  })
}

output "role_arn" {
  description = "The aws.roleArn of the source. For several accounts, write {accountId} in place of the account."
  value       = aws_iam_role.reader.arn
}
