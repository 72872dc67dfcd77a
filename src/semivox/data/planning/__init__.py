"""From what the scans are like to how they are trained on: spacing, patch, intensities, network, cost."""
