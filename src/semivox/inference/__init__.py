"""From a trained network to labels and maps on a scan's own grid."""
