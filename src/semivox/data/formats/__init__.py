"""Scan files of every supported format, read to RAS+ voxels and written back on their own grid."""
