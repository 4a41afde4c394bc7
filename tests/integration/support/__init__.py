"""What the integration tests share: the system under test and clients of it that are none of ours."""
