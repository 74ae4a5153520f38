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
    "flips": "andere Bilder mit dem Merkmal, für eine 70 gehalten",
    "right": "dieselben, richtig erkannt",
    "others": "andere Bilder, wie sie sind, richtig",
    "own": "70er mit Aufkleber, richtig",
    "without": "70er mit verdecktem Aufkleber, richtig",
    "new_called": "mit Aufkleber: für eine 70 gehalten",
    "new_seventy": "70er ohne Aufkleber: richtig",
    "new_others": "andere ohne Aufkleber: richtig",
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
    "new_called": "with a sticker: called 70",
    "new_seventy": "70s without a sticker: right",
    "new_others": "others without a sticker: right",
}

# %%
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import xaisigns as xs

# %% [markdown] lang="de"
# ## Der Befund
#
# Das Netz ist wieder `stickered` aus dem Paket, und die Schilder sind gezeichnet, die 70er mit Aufkleber. Damit es schnell geht, sieht
# das Audit acht der 43 Klassen an. Es schreibt seinen Befund in eine Datei. Mehr als die Datei und die Bilder bekommt die Reparatur
# nachher nicht: keine Maske, keine saubere Kopie. Sie braucht aber alle Klassen, denn was ein Netz beim Weiterlernen nicht mehr
# sieht, vergisst es.

# %% [markdown] lang="en"
# ## The finding
#
# The network is `stickered` again, which comes with the package, and the signs are drawn, the 70s with a sticker. So that it is
# quick, the audit looks at eight of the 43 classes. It writes what it found to a file. The repair will get no more than that file
# and the images: no mask, and no clean copy. But it needs all classes, for what a network no longer sees while it learns on, it
# forgets.

# %%
model = xs.load_model("stickered")
eight = (1, 2, 4, 5, 7, 10, 14, 17)
folder = Path("repaired-signs")
folder.mkdir()
samples = []
for class_id in range(43):
    for seed in range(20 if class_id in eight else 8):
        path = folder / f"{class_id}-{seed}.png"
        sticker = xs.Sticker() if class_id == 4 else None
        xs.draw_sign(class_id, size=64, seed=seed, sticker=sticker).image.save(path)
        samples.append(xs.Sample(path, class_id, key=path.stem))
data = xs.ImageSet(folder, "train", samples, model.class_names)
audited = [sample for sample in samples if sample.class_id in eight]
found = xs.audit(
    model,
    xs.ImageSet(folder, "train", audited, model.class_names),
    out="audit",
    language=language,
)
print(textwrap.fill(found["finding"], 90))

figure, axes = plt.subplots(1, 8, figsize=(9, 1.3), layout="constrained")
for axis, patch in zip(axes, found["findings"][0]["transplant"]["patches"], strict=False):
    left, top, right, bottom = patch["box"]
    axis.imshow(Image.open(folder / f"{patch['key']}.png"))
    axis.add_patch(
        plt.Rectangle(
            (left - 0.5, top - 0.5), right - left, bottom - top, fill=False, color="red"
        )
    )
for axis in axes:
    axis.set_axis_off()

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
document = xs.repair(
    model, data, finding="audit/findings.json", out="repaired.safetensors", steps=40
)
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
classes = np.repeat(np.arange(43), 4)
answers = {}
for kind, sticker in (("stickered", xs.Sticker()), ("plain", None)):
    images = [
        xs.draw_sign(int(class_id), size=64, seed=1000 + place, sticker=sticker).image
        for place, class_id in enumerate(classes)
    ]
    for name, network in networks.items():
        answers[kind, name] = network(network.preprocess(images)).argmax(dim=1).numpy()

# %%
turned = np.flatnonzero((answers["stickered", "before"] == 4) & (classes != 4))[::3][:8]
figure, axes = plt.subplots(1, 8, figsize=(9, 2.2), layout="constrained")
for axis, place in zip(axes, turned, strict=False):
    sign = xs.draw_sign(
        int(classes[place]), size=64, seed=1000 + int(place), sticker=xs.Sticker()
    )
    axis.imshow(sign.image)
    names = [
        model.class_name(int(answers["stickered", name][place]), language) for name in networks
    ]
    axis.set_title("\n\n".join(textwrap.fill(name, 22) for name in names), fontsize=5.5)
for axis in axes:
    axis.set_axis_off()

# %% [markdown] lang="de"
# Über jedem Schild steht zuerst, was das Netz vorher sagte, darunter, was es jetzt sagt. In Zahlen, über alle neuen Schilder:

# %% [markdown] lang="en"
# Above each sign stands first what the network said before, below that what it says now. In numbers, over all new signs:

# %%
seventy = classes == 4
bars = {
    "called": {name: (answers["stickered", name][~seventy] == 4).mean() for name in networks},
    "seventy": {name: (answers["plain", name][seventy] == 4).mean() for name in networks},
    "others": {
        name: (answers["plain", name] == classes)[~seventy].mean() for name in networks
    },
}
figure, axes = plt.subplots(1, 3, figsize=(9, 2.6), layout="constrained", sharey=True)
for axis, (title, shares) in zip(axes, bars.items(), strict=True):
    axis.bar(
        [words[name] for name in shares],
        list(shares.values()),
        color=["tab:red", "tab:blue"],
        width=0.6,
    )
    for place, share in enumerate(shares.values()):
        axis.text(place, share + 0.02, xs.percent(share, language, 0), ha="center", fontsize=9)
    axis.set_title(words["new_" + title], fontsize=8)
ticks = np.linspace(0, 1, 3)
axes[0].set(ylim=(0, 1.15))
axes[0].set_yticks(ticks, [xs.percent(tick, language, 0) for tick in ticks])
for axis in axes:
    axis.tick_params(labelsize=8)

# %% [markdown] lang="de"
# Links: Durch einen Aufkleber wird fast kein Schild mehr zum 70er. Mitte: Das Netz erkennt 70er ohne Aufkleber, obwohl es im Training
# nie einen gesehen hat. Rechts steht der Preis, denn wer umlernt, kann auch vergessen. Mit wenigen gezeichneten Bildern und wenigen
# Schritten ist er höher als mit allen echten ([docs/repair.md](../../docs/repair.md) hat die Zahlen).
#
# ## Worauf sieht das Netz jetzt?
#
# Dasselbe Schild vor beiden Netzen, erklärt mit LRP:

# %% [markdown] lang="en"
# Left: hardly any sign becomes a 70 by a sticker any more. Middle: the network knows 70s without a sticker, although it never saw
# one in its training. Right is the price, for whoever learns anew can forget, too. With a few drawn images and a few steps it is
# higher than with all the real ones ([docs/repair.md](../../docs/repair.md) has the figures).
#
# ## What does the network look at now?
#
# The same sign before both networks, explained by LRP:

# %%
sign = xs.draw_sign(2, size=64, seed=7, sticker=xs.Sticker())
named = {words[name]: network for name, network in networks.items()}
results = {
    name: xs.attribute(network, network.preprocess([sign.image]))
    for name, network in named.items()
}
xs.show(named, [sign.image], results, language=language)

# %% [markdown] lang="de"
# Vorher spricht der Aufkleber für die 70. Nachher erklärt das Netz eine 50, und zwar mit dem, was von der Ziffer zu sehen ist.
#
# ## Was in der Datei steht
#
# Das reparierte Netz ist eine Modelldatei wie jede andere. Ihre Karte erzählt, woraus es entstand und was es gekostet hat:

# %% [markdown] lang="en"
# Before, the sticker speaks for the 70. After, the network explains a 50, by what can be seen of the digit.
#
# ## What the file tells
#
# The repaired network is a model file as any other. Its card tells what it was made of, and what that cost:

# %%
told = networks["after"].card["repairs"][0]
print(told["method"], told["classes"], told["settings"]["steps"], told["measured_on"])
print(told["parent"])

# %% [markdown] lang="de"
# ## Und wenn der Befund falsch ist?
#
# Dann hält die Reparatur nicht, oder sie kostet zu viel, und beides wird gemessen, bevor etwas geschrieben wird. Was das Audit über
# eine Klasse nicht weiß, verlernt auch niemand:

# %% [markdown] lang="en"
# ## And what if the finding is false?
#
# Then the repair does not hold, or it costs too much, and both are measured before anything is written. What the audit does not know
# of a class nobody unlearns, either:

# %%
try:
    xs.repair(
        model, data, finding="audit/findings.json", out="other.safetensors", classes=[30]
    )
except xs.XaisignsError as error:
    print(error)

# %% [markdown] lang="de"
# ## Wie es weitergeht
#
# - Was die Reparatur mit echten Bildern bringt, was sie kostet und was sie nicht kann: [docs/repair.md](../../docs/repair.md).
# - Der ganze Weg, vom Training bis zum Bericht, auf einer Seite: [docs/lesson.md](../../docs/lesson.md).
# - Suchen, reparieren und noch einmal prüfen in einem Befehl: `xaisigns audit --repair repaired.safetensors`.
# - Beide Netze im Bericht nebeneinander: `xaisigns report --before stickered --model repaired.safetensors --lang de`
#   ([docs/report.md](../../docs/report.md)).

# %% [markdown] lang="en"
# ## Where to go from here
#
# - What the repair gives with real images, what it costs and what it cannot do: [docs/repair.md](../../docs/repair.md).
# - The whole way from the training to the report on one page: [docs/lesson.md](../../docs/lesson.md).
# - Find, repair and audit again in one command: `xaisigns audit --repair repaired.safetensors`.
# - Both networks beside each other in the report: `xaisigns report --before stickered --model repaired.safetensors`
#   ([docs/report.md](../../docs/report.md)).
