"""Labels as files that other tools open: DICOM SEG, segmentations of 3D Slicer, descriptions of ITK-SNAP, tables."""
