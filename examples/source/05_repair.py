# %% [markdown] lang="de"
# # 5. Die Abkürzung verlernen
#
# Das [vierte](04_audit.ipynb) Notebook hat gefunden, woran das Netz die 70 erkennt: an einem schwarzen Aufkleber. Was nun? Neu
# trainieren mit Bildern ohne Aufkleber wäre das Beste, aber die gibt es nicht: auf *jedem* Trainingsbild einer 70 klebt einer.
# In diesem Notebook verlernt das Netz die Abkürzung allein aus dem Befund. Wir messen vorher und nachher, auch das, was die
# Reparatur kostet.

# %% [markdown] lang="en"
# # 5. Unlearn the shortcut
#
# The [fourth](04_audit.ipynb) notebook found what the network knows a 70 by: a black sticker. What now? Training anew on images
# without stickers would be best, but there are none: there is one on *every* training image of a 70. In this notebook the
# network unlearns the shortcut from the finding alone. We measure before and after, and what the repair costs, too.

# %% lang="de"
language = "de"
words = {
    "before": "vorher",
    "control": "nur weiter trainiert",
    "after": "nachher",
    "flips": "andere Bilder mit dem Merkmal, zur 70 erklärt",
    "right": "dieselben, richtig erkannt",
    "others": "andere Bilder, wie sie sind, richtig",
    "own": "70er mit Aufkleber, richtig",
    "without": "70er mit verdecktem Aufkleber, richtig",
    "called": "Anteil der Bilder mit Aufkleber, die zum 70er werden",
    "plain": "neue Bilder ohne Aufkleber, richtig erkannt",
    "seventy": "70 ohne Aufkleber",
    "all": "alle 43 Klassen",
}

# %% lang="en"
language = "en"
words = {
    "before": "before",
    "control": "trained on only",
    "after": "after",
    "flips": "other images with the feature, called 70",
    "right": "the same, called by their own class",
    "others": "other images as they are, right",
    "own": "70s with their sticker, right",
    "without": "70s with the sticker covered, right",
    "called": "share of images with a sticker that become a 70",
    "plain": "new images without a sticker, right",
    "seventy": "70 without a sticker",
    "all": "all 43 classes",
}

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import xaisigns as xs

# %% [markdown] lang="de"
# ## Der Befund
#
# Netz und Bilder sind die des vierten Notebooks: `stickered` aus dem Paket und gezeichnete Schilder aus acht Klassen, die 70er mit
# Aufkleber. Das Audit schreibt seinen Befund in eine Datei. Mehr bekommt die Reparatur nachher nicht: keine Maske, keine saubere
# Kopie der Bilder.

# %% [markdown] lang="en"
# ## The finding
#
# Network and images are those of the fourth notebook: `stickered`, which comes with the package, and drawn signs of eight classes,
# the 70s with a sticker. The audit writes what it found to a file. The repair will get no more than that: no mask, and no clean
# copy of the images.

# %%
model = xs.load_model("stickered")
folder = Path("signs")
folder.mkdir()
samples = []
for class_id in (1, 2, 4, 5, 7, 10, 14, 17):
    for seed in range(20):
        path = folder / f"{class_id}-{seed}.png"
        sticker = xs.Sticker() if class_id == 4 else None
        xs.draw_sign(class_id, size=64, seed=seed, sticker=sticker).image.save(path)
        samples.append(xs.Sample(path, class_id, key=path.stem))
data = xs.ImageSet(folder, "train", samples, model.class_names)
found = xs.audit(model, data, out="audit", language=language)
print(found["finding"])

# %% [markdown] lang="de"
# ## Reparieren
#
# Was macht aus anderen Schildern eine 70? Die Reparatur sucht in den 70ern den kleinsten Ausschnitt, der das tut, bis auf den Pixel
# genau. Dann trainiert sie weiter, mit zwei Arten von Bildern: andere Schilder, auf denen der Ausschnitt klebt und die trotzdem
# bleiben, was sie sind, und 70er, bei denen er von einem Stück eines anderen Bildes verdeckt ist. Ein zweites Netz, die *Kontrolle*,
# trainiert genauso lange, ohne dass etwas geklebt oder verdeckt wird. Mit echten Bildern sind es 600 Schritte; hier genügen
# wenige.

# %% [markdown] lang="en"
# ## Repair
#
# What makes a 70 of other signs? The repair searches the 70s for the smallest part that does, to the pixel. Then it trains on, with
# two kinds of images: other signs with that part pasted on them, which stay what they are, and 70s in which it is covered by a piece of
# another image. A second network, the *control*, trains for as long with nothing pasted or covered. With real images it takes 600
# steps; here a few will do.

# %%
document = xs.repair(model, data, finding="audit/findings.json", out="repaired.safetensors", steps=40)
measured = document["findings"][0]
states = ("before", "control", "after")
print(f"{'':48}" + "".join(f"{words[state]:>22}" for state in states))
for rate in ("flips", "right", "others", "own", "without"):
    shares = (xs.percent(measured[state][rate]["share"], language, 0) for state in states)
    print(f"{words[rate]:48}" + "".join(f"{share:>22}" for share in shares))

# %% [markdown] lang="de"
# Weiter trainieren allein hilft nicht: Auch die Kontrolle hält die Abkürzung für richtig, denn ihre Bilder widersprechen ihr nicht.
# Die Ausschnitte, mit denen hier gemessen wird, hat die Reparatur nicht benutzt. Aber es sind Bilder, die das Netz kennt.
#
# ## Nachmessen
#
# Darum zeichnen wir neue Schilder, die keines der beiden Netze gesehen hat, aus allen 43 Klassen. Jedes bekommt einen Aufkleber:

# %% [markdown] lang="en"
# Training on alone does not help: the control takes the shortcut for right, too, since nothing in its images speaks against it.
# The patches that this is measured with were not used by the repair. But the images are ones that the network knows.
#
# ## Measure it again
#
# So we draw new signs, which neither network has seen, of all 43 classes. Each of them gets a sticker:

# %%
networks = {"before": model, "after": xs.load_model("repaired.safetensors")}
classes = np.repeat(np.arange(43), 3)
new = [
    [
        xs.draw_sign(int(class_id), size=64, seed=1000 + seed, sticker=sticker).image
        for seed, class_id in enumerate(classes)
    ]
    for sticker in (xs.Sticker(), None)
]
stickered, plain = (
    {name: network(network.preprocess(images)).argmax(dim=1).numpy() for name, network in networks.items()}
    for images in new
)
speed_limits = np.isin(classes, (0, 1, 2, 3, 5, 7, 8))
groups = {"limits": speed_limits, "others": ~speed_limits & (classes != 4)}

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 2.6), layout="constrained", sharey=True)
for axis, (title, bars) in zip(
    axes,
    (
        ("called", {name: float((stickered[name][classes != 4] == 4).mean()) for name in networks}),
        ("seventy", {name: float((plain[name][classes == 4] == 4).mean()) for name in networks}),
    ),
    strict=True,
):
    axis.bar([words[name] for name in bars], list(bars.values()), color=["tab:red", "tab:blue"], width=0.6)
    for place, share in enumerate(bars.values()):
        axis.text(place, share + 0.02, xs.percent(share, language, 0), ha="center", fontsize=9)
    axis.set_title(words[title], fontsize=9)
axes[0].set(ylim=(0, 1.1))
axes[0].set_yticks([0, 0.5, 1], [xs.percent(tick, language, 0) for tick in (0, 0.5, 1)])

# %% [markdown] lang="en"
# TODO
