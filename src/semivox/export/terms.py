"""What classes are called in SNOMED CT, as far as DICOM's own tables (pydicom) have the term; else a private code."""

from __future__ import annotations

import re

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

TERMS = {
    "adrenal gland": "AdrenalGland", "aorta": "Aorta", "bladder": "Bladder", "bone": "Bone", "brain": "Brain",
    "colon": "Colon", "duodenum": "Duodenum", "edema": "Edema", "esophagus": "Esophagus", "femur": "Femur",
    "gallbladder": "Gallbladder", "heart": "Heart", "hippocampus": "Hippocampus",
    "inferior vena cava": "InferiorVenaCava", "kidney": "Kidney", "left atrium": "LeftAtrium",
    "left ventricle": "LeftVentricle", "lesion": "Lesion", "liver": "Liver", "lung": "Lung", "mandible": "Mandible",
    "necrosis": "Necrosis", "pancreas": "Pancreas", "parotid gland": "ParotidGland", "prostate": "Prostate",
    "rectum": "Rectum", "right atrium": "RightAtrium", "right ventricle": "RightVentricle", "sacrum": "Sacrum",
    "small intestine": "SmallIntestine", "spinal cord": "SpinalCord", "spleen": "Spleen", "stomach": "Stomach",
    "trachea": "Trachea", "tumor": "Tumor", "uterus": "Uterus",
    "amygdala": "Amygdala", "brain stem": "BrainStem", "caudate nucleus": "CaudateNucleus", "cerebellum": "Cerebellum",
    "clavicle": "Clavicle", "cyst": "Cyst", "eye": "Eye", "humerus": "Humerus", "larynx": "Larynx",
    "lymph node": "LymphNode", "optic chiasm": "OpticChiasm", "optic nerve": "OpticNerve", "oral cavity": "OralCavity",
    "pharynx": "Pharynx", "portal vein": "PortalVein", "pulmonary artery": "PulmonaryArtery", "putamen": "Putamen",
    "scapula": "Scapula", "seminal vesicle": "SeminalVesicle", "sternum": "Sternum",
    "submandibular gland": "SubmandibularGland", "thalamus": "Thalamus", "thyroid": "Thyroid", "tibia": "Tibia",
    "tongue": "Tongue", "ureter": "Ureter",
}  # fmt: skip
"""Class name -> keyword of pydicom's dictionary of SNOMED CT."""
ABNORMAL = {"cyst", "edema", "lesion", "necrosis", "tumor"}
OTHER_NAMES = {
    "urinary bladder": "bladder",
    "oesophagus": "esophagus",
    "tumour": "tumor",
    "parotid": "parotid gland",
    "brainstem": "brain stem",
    "caudate": "caudate nucleus",
    "thyroid gland": "thyroid",
    "submandibular": "submandibular gland",
}
WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where a word begins within a name such as RightParotid."""
SIDE = re.compile(r"(left|right) (.+)|(.+) (left|right)")
PRIVATE = "99SEMIVOX"
"""The scheme of codes that no standard has."""
LONGEST = 64
"""Characters of a meaning (DICOM's LO); a code value has 16."""


def term_of(name: str, value: int) -> tuple[Code, Code, Code | None]:
    """Category, type and side of a class by its name; a private code that repeats the name if the term is unknown."""
    plain = re.sub(r"[\s_-]+", " ", WORDS.sub(" ", name.strip()).casefold())
    side = None
    if plain not in TERMS and (match := SIDE.fullmatch(plain)):
        organ = match[2] or match[3]
        if OTHER_NAMES.get(organ, organ) in TERMS:
            side = codes.SCT.Left if "left" in (match[1], match[4]) else codes.SCT.Right
            plain = organ
    plain = OTHER_NAMES.get(plain, plain)
    if plain not in TERMS:
        meaning = name.strip()[:LONGEST] or f"class {value}"
        return codes.SCT.AnatomicalStructure, Code(f"class-{value}", PRIVATE, meaning), None
    abnormal = plain in ABNORMAL
    category = codes.SCT.MorphologicallyAbnormalStructure if abnormal else codes.SCT.AnatomicalStructure
    return category, getattr(codes.SCT, TERMS[plain]), side
