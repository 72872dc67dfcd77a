"""DICOM: a folder of slices or an enhanced multi-frame file as one scan, every slice judged by itself.

pydicom reads the headers, and GDCM decodes compressed pixels; which slices make a volume, and where it lies, is decided
here. A path is a folder, a file, or ``folder#UID`` for one of several series.
"""
