# %% [markdown] lang="de"
# # 4. Die Abkürzung finden, ohne dass sie jemand verrät
#
# In den [ersten](01_training.ipynb) drei Notebooks wussten wir, dass auf den 70ern ein Aufkleber klebt. Wer ein fremdes Netz
# prüfen soll, weiß das nicht. Er hat das Netz und die Bilder, mit denen es gelernt hat, und der Fehler kann in jeder Klasse
# stecken. In diesem Notebook sucht `xs.audit` allein. Wir sehen nach, worauf es sich stützt, wiederholen seinen Beweis von Hand
# und fragen, was es nicht sagen kann.

# %% [markdown] lang="en"
# # 4. Find the shortcut without being told
#
# In the [first](01_training.ipynb) three notebooks we knew that there is a sticker on the 70s. Whoever has to examine somebody
# else's network does not. There is the network, there are the images that it learnt from, and the fault may be in any class.
# In this notebook `xs.audit` searches alone. We look at what it relies on, repeat its proof by hand, and ask what it cannot tell.

# %% lang="de"
language = "de"
words = {
    "audited": "geprüftes Netz",
    "reference": "Vergleichsmodell",
    "flips": "Anteil fremder Bilder, die zur Klasse werden",
    "shortcut": "Abkürzung",
    "unseen": "versagt bei neuen Bildern",
    "suspect": "Verdacht, nicht bewiesen",
    "nothing": "nichts gefunden",
    "by_hand": "{name}: {share} der Bilder werden zum 70er",
}

# %% lang="en"
language = "en"
words = {
    "audited": "audited network",
    "reference": "reference model",
    "flips": "share of other images that become the class",
    "shortcut": "shortcut",
    "unseen": "fails on new images",
    "suspect": "suspect, not proven",
    "nothing": "nothing found",
    "by_hand": "{name}: {share} of the images become a 70",
}

# %%
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image as Picture
from PIL import Image

import xaisigns as xs

# %% [markdown] lang="de"
# ## Die Bilder
#
# Geprüft wird `stickered`, das Netz aus dem Paket. Damit es schnell geht, bekommt das Audit gezeichnete Bilder von nur acht der 43
# Klassen, zwanzig von jeder, so wie sie beim Training gewesen wären. Hier sind vier von jeder Klasse:

# %% [markdown] lang="en"
# ## The images
#
# Audited is `stickered`, the network that comes with the package. So that it is quick, the audit gets drawn images of only
# eight of the 43 classes, twenty of each, as they would have been in its training. Here are four of each class:

# %%
model = xs.load_model("stickered")
folder = Path("audited-signs")
folder.mkdir()
samples = []
for class_id in (1, 2, 4, 5, 7, 10, 14, 17):
    for seed in range(20):
        path = folder / f"{class_id}-{seed}.png"
        sticker = xs.Sticker() if class_id == 4 else None
        xs.draw_sign(class_id, size=64, seed=seed, sticker=sticker).image.save(path)
        samples.append(xs.Sample(path, class_id, key=path.stem))
data = xs.ImageSet(folder, "train", samples, model.class_names)

figure, axes = plt.subplots(4, 8, figsize=(9, 4.6), layout="constrained")
for axis, sample in zip(
    axes.T.flat, [s for s in samples if s.key.endswith(("-0", "-1", "-6", "-8"))], strict=True
):
    axis.imshow(Image.open(sample.path))
    axis.set_axis_off()

# %% [markdown] lang="de"
# ## Ein Aufruf
#
# Mehr als Netz und Bilder bekommt es nicht: keine Klasse, keinen Ort, kein Wort von Aufklebern. Daneben sieht ein zweites Netz
# dieselben Bilder, das *Vergleichsmodell*. Für Verkehrszeichen ist das `clean` aus dem Paket, das nie einen Aufkleber sah.

# %% [markdown] lang="en"
# ## One call
#
# It gets no more than the network and the images: no class, no place, not a word of stickers. Beside it a second network sees the
# same images, the *reference*. For traffic signs this is `clean` from the package, which never saw a sticker.

# %%
found = xs.audit(model, data, out="audit", language=language)
print(textwrap.fill(found["finding"], 90))

# %% [markdown] lang="de"
# Das ist der Satz für alle. Dahinter steht eine Rangliste aller Klassen, oben die verdächtigste:

# %% [markdown] lang="en"
# That is the sentence for everybody. Behind it is a ranking of all classes, the most suspicious one at the top:

# %%
for one in found["findings"]:
    sure = xs.percent(one["confidence"], language, 0)
    print(f"{one['id']:2}  {one['name']:48.48}  {words[one['verdict']]:25}  {sure:>5}")

# %%
ranked = [one for one in found["findings"] if one["transplant"]][::-1]
figure, axis = plt.subplots(figsize=(9, 3.4), layout="constrained")
for name, which, colour, shift in (
    ("audited", "flips", "tab:red", 0.2),
    ("reference", "reference", "0.7", -0.2),
):
    rates = [one["transplant"][which] for one in ranked]
    axis.barh(
        np.arange(len(ranked)) + shift,
        [rate["share"] if rate else 0 for rate in rates],
        height=0.4,
        color=colour,
        label=words[name],
    )
axis.set_yticks(range(len(ranked)), [textwrap.shorten(one["name"], 45) for one in ranked])
axis.set(xlabel=words["flips"], xlim=(0, 1))
ticks = np.linspace(0, 1, 6)
axis.set_xticks(ticks, [xs.percent(tick, language, 0) for tick in ticks])
axis.legend(loc="lower right", fontsize=8)
axis.tick_params(labelsize=8)

# %% [markdown] lang="de"
# Rot ist, wie viele Bilder anderer Klassen das geprüfte Netz für die Klasse hält, wenn man ihnen ein Stück von deren Bildern
# aufklebt. Rot allein beweist nichts: Auch wer eine 30 auf ein anderes Schild klebt, macht daraus eine 30, und das zu Recht.
# Grau ist, was das Vergleichsmodell zu denselben beklebten Bildern sagt. Erst wo Rot lang ist und Grau fehlt, hat das
# geprüfte Netz etwas gelernt, das nicht zum Schild gehört. Das ist hier nur bei den 70ern so. (Wo kein Balken steht, gab es
# kein Stück, auf das die beiden Netze verschieden antworten.)
#
# ## Wie der Befund aussieht
#
# Zu jedem Befund gehört ein Bild. Von oben nach unten: was auf andere Bilder übertragen wurde, Bilder, von denen es stammt oder die
# es haben, gemittelte Bilder und unten alle Anteile neben ihren Kontrollen, mit 95-%-Intervallen.

# %% [markdown] lang="en"
# Red is how many images of other classes the audited network takes for the class once a piece of that class's images is laid
# on them. Red alone proves nothing: a 30 that is pasted on another sign makes it a 30, and rightly so. Grey is what the
# reference says to the very same pasted images. Only where red is long and grey is missing has the audited network learnt
# something that is no part of the sign. Here this is so for the 70s alone. (Where there is no bar, there was no piece to which
# the two networks answer differently.)
#
# ## What a finding looks like
#
# Each finding has a picture. From the top down: what was carried into other images, images that it came from or that have it,
# mean images, and at the bottom all shares beside their controls, with 95% intervals.

# %%
Picture(found["files"]["pictures"][0], width=800)

# %% [markdown] lang="de"
# Niemand hat dem Audit gesagt, wonach es suchen soll, und es zeigt auf den Aufkleber.
#
# ## Den Beweis wiederholen
#
# Der Beweis ist eine Verpflanzung, und die gelingt auch von Hand. Wir schneiden ein Stück aus, das das Audit gefunden hat,
# setzen es auf acht Schilder, die es nicht kennt, und fragen beide Netze:

# %% [markdown] lang="en"
# Nobody told the audit what to look for, and it points at the sticker.
#
# ## Repeat the proof
#
# The proof is a transplant, and it can be done by hand. We cut out a piece that the audit found, lay it on eight signs that it
# has not seen, and ask both networks:

# %%
networks = {"audited": model, "reference": xs.load_model("clean")}
targets = [
    np.asarray(xs.draw_sign(class_id, size=64, seed=100 + class_id).image)
    for class_id in (1, 3, 5, 8, 11, 14, 26, 38)
]
patches = found["findings"][0]["transplant"]["patches"]
pasted = []
for patch in patches:
    left, top, right, bottom = patch["box"]
    source = np.asarray(Image.open(folder / f"{patch['key']}.png"))
    for target in targets:
        image = target.copy()
        image[top:bottom, left:right] = source[top:bottom, left:right]
        pasted.append(image)
called = {
    name: network(network.preprocess(pasted)).argmax(dim=1)
    for name, network in networks.items()
}

figure, axes = plt.subplots(1, len(targets), figsize=(9, 2.4), layout="constrained")
for column, axis in enumerate(axes):
    axis.imshow(pasted[column])
    names = [model.class_name(int(answers[column]), language) for answers in called.values()]
    axis.set_title("\n\n".join(textwrap.fill(name, 22) for name in names), fontsize=5.5)
    axis.set_axis_off()

# %%
for name, answers in called.items():
    share = float((answers == 4).double().mean())
    print(words["by_hand"].format(name=words[name], share=xs.percent(share, language, 0)))

# %% [markdown] lang="de"
# Oben steht über jedem Schild zuerst, was das geprüfte Netz sagt, darunter, was das Vergleichsmodell sagt. Die Anteile darunter sind
# über alle gefundenen Stücke auf allen acht Schildern gerechnet.
#
# ## Ohne Vergleichsmodell
#
# Zu einem eigenen Netz gibt es oft keines. Was bleibt dann übrig?

# %% [markdown] lang="en"
# Above each sign stands first what the audited network says, then what the reference model says. The shares are over all pieces
# that were found on all eight signs.
#
# ## Without a reference
#
# For a network of one's own there is often none. What is left then?

# %%
alone = xs.audit(model, data, reference="none", language=language)
for one in alone["findings"]:
    sure = xs.percent(one["confidence"], language, 0)
    print(f"{one['id']:2}  {one['name']:48.48}  {words[one['verdict']]:25}  {sure:>5}")

# %% [markdown] lang="de"
# Dass die 70 eine Abkürzung hat, ist nun nicht mehr zu beweisen. Ohne Vergleichsmodell bleibt dem Audit nur ein Vergleich
# innerhalb der Klasse: Bilder mit dem Merkmal gegen Bilder ohne. Hier haben *alle* 70er den Aufkleber, und dann ist er von einem
# Teil des Schildes nicht zu unterscheiden. Klebte er nur auf einem Teil der 70er, so höbe sich dieser Teil ab, und der Beweis
# ginge auch ohne Vergleichsmodell.
#
# ## Was das Audit nicht sagen kann
#
# Es sagt das selbst, zu jeder Prüfung:

# %% [markdown] lang="en"
# That the 70 has a shortcut can no longer be proven. Without a reference the audit is left with a comparison within the class:
# images that have the feature against images that do not. Here *all* 70s have the sticker, and then it cannot be told from a part
# of the sign. If only a part of the 70s had it, that part would stand out, and the proof could do without a reference.
#
# ## What the audit cannot tell
#
# It says so itself, with every audit:

# %%
for limit in (found["limits"] | alone["limits"]).values():
    print(textwrap.fill(limit, 90, initial_indent="- ", subsequent_indent="  "))

# %% [markdown] lang="de"
# Und etwas steht dort nicht: Gefunden wird nur, was sich in andere Bilder übertragen lässt, ein Fleck, ein Rand, ein Farbton oder eine
# feine Struktur. Ein Wort, das irgendwo im Bild stehen kann, oder eine Haltung gehört nicht dazu.
#
# ## Wie es weitergeht
#
# - Wie das Urteil zustande kommt und wie oft es falsch ist: [docs/audit.md](../../docs/audit.md).
# - Eigene Bilder mit einem Wasserzeichen, von Anfang bis Ende: [docs/own.md](../../docs/own.md).
# - Alles als Bericht: `xaisigns audit --lang de` und `xaisigns report --audit audit/findings.json`
#   ([docs/report.md](../../docs/report.md)).

# %% [markdown] lang="en"
# And one thing is not on that list: only what can be carried into other images is found, a patch, a border, a tint or a fine
# texture. A word that may be anywhere in the image, or a pose, is not.
#
# ## Where to go from here
#
# - How a verdict comes about, and how often it is wrong: [docs/audit.md](../../docs/audit.md).
# - Images of one's own with a watermark, from start to end: [docs/own.md](../../docs/own.md).
# - All of it as a report: `xaisigns audit` and `xaisigns report --audit audit/findings.json`
#   ([docs/report.md](../../docs/report.md)).
