"""Files to pictures to damaged batches."""
