"""From a folder of scans to a checked data set, a plan, prepared scans, a trained model and its predictions."""
