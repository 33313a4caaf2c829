"""The search: a suite's stages on every sample, shard by shard, kept so that a killed audit goes on."""
