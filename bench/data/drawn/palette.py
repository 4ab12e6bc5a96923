"""Colours of people and their clothes."""

from __future__ import annotations

import numpy as np

# sRGB anchors from the lightest to the deepest skin, spaced like the ten tones of the Monk scale.
SKIN = np.array(
    [
        (247, 226, 212), (242, 211, 190), (233, 192, 163), (221, 172, 138), (204, 150, 114),
        (180, 124, 90), (150, 98, 70), (118, 75, 53), (90, 57, 42), (66, 43, 34),
    ]
) / 255.0  # fmt: skip
HAIR = {
    "black": (30, 25, 26), "dark brown": (52, 36, 28), "brown": (86, 58, 40), "chestnut": (112, 64, 42),
    "auburn": (132, 62, 36), "ginger": (158, 86, 48), "dark blond": (150, 116, 76), "blond": (206, 170, 112),
    "platinum": (206, 186, 150), "grey": (140, 138, 138), "white": (192, 190, 188),
}  # fmt: skip
DYED = ((172, 70, 110), (64, 110, 150), (110, 74, 140), (52, 124, 116))
IRIS = ((58, 36, 22), (84, 54, 30), (110, 80, 42), (96, 104, 62), (84, 124, 108), (92, 126, 158), (116, 140, 160))
LIPSTICK = ((168, 40, 52), (190, 78, 92), (140, 42, 66), (200, 100, 96))
CLOTH = (
    (38, 44, 58), (28, 28, 32), (70, 76, 84), (120, 40, 44), (46, 84, 120), (60, 96, 74), (196, 190, 178),
    (226, 224, 220), (178, 132, 70), (150, 96, 110), (92, 72, 110), (64, 120, 124), (206, 160, 150), (90, 66, 50),
)  # fmt: skip


def skin_colour(rng: np.random.Generator, tone: float) -> np.ndarray:
    """sRGB in 0..1 of a skin between tone 0 (lightest) and 9, with an undertone from pink to olive."""
    low = int(tone)
    skin = SKIN[low] + (SKIN[min(low + 1, 9)] - SKIN[low]) * (tone - low)
    undertone = rng.uniform(-1, 1)  # from pink to olive
    return np.clip(skin * (1 + 0.03 * undertone * np.array([-0.6, 0.8, -0.4])), 0.02, 0.98)


def bare_lip(skin: np.ndarray, tone: float) -> np.ndarray:
    """Lips without colour on them: redder and darker than the skin, browner where the skin is deep."""
    deep = tone / 9
    return skin * (np.array([0.86, 0.60, 0.60]) * (1 - deep) + np.array([0.92, 0.70, 0.72]) * deep)


def hair_colour(rng: np.random.Generator, tone: float, age: float) -> np.ndarray:
    """sRGB in 0..1: the natural range, darker with deep skin, grey with age, now and then dyed."""
    names = list(HAIR)
    if age > 0.80 and rng.random() < 0.7:
        name = str(rng.choice(("grey", "white")))
    elif tone > 4.5:
        name = names[min(int(rng.exponential(0.8)), 3)]
    else:
        name = names[int(rng.integers(0, 9))]
    colour = np.array(HAIR[name]) / 255
    if rng.random() < 0.03:
        colour = np.array(DYED[rng.integers(len(DYED))]) / 255
    return np.clip(colour * rng.uniform(0.85, 1.15), 0.02, 0.95)
