"""A viewer of scans and labels in the browser: planes, 3D, windows, overlays; nothing is loaded from elsewhere."""
