"""From files to batches: layouts, volumes, checks, plan, prepared cases, sampling, augmentation."""
