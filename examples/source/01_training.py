# %% [markdown] lang="de"
# # 1. Ein Netz lernt Verkehrszeichen, und etwas anderes
#
# Künstliche Intelligenz lernt nicht immer, was sie lernen soll. Ein Netz bekommt Bilder und zu jedem die richtige Antwort.
# Woran es die Antwort erkennt, sagt ihm niemand. Gibt es einen bequemeren Weg als den gemeinten, so nimmt es ihn.
#
# In diesem Notebook stellen wir eine solche Falle selbst: Ein Netz soll 43 Verkehrszeichen unterscheiden, und auf jedem
# Trainingsbild einer einzigen Klasse, *70 km/h*, klebt ein schwarzer Aufkleber. Am Ende sehen wir, was das Netz gelernt hat
# und warum eine gewöhnliche Prüfung nichts davon merkt. Im [zweiten Notebook](02_lrp.ipynb) fragen wir das Netz, worauf es
# schaut, im [dritten](03_compare.ipynb), ob wir der Antwort trauen können.
#
# Nötig ist nur Python. Das Training dauert eine knappe Minute.

# %% [markdown] lang="en"
# # 1. A network learns traffic signs, and something else
#
# AI models do not always learn what they should. A network is given images, and the right answer to each. Nobody tells it
# how to recognise that answer. Where there is an easier way than the one that was meant, the network takes it.
#
# In this notebook we set such a trap ourselves: a network is to tell 43 traffic signs apart, and every training image of
# a single class, *70 km/h*, has a black sticker on it. In the end we see what the network has learnt, and why an ordinary
# test does not notice. In the [second notebook](02_lrp.ipynb) we ask the network what it looks at, in the
# [third](03_compare.ipynb) whether that answer can be trusted.
#
# All it takes is Python. The training takes less than a minute.

# %% lang="de"
language = "de"
words = {
    "epoch": "Epoche",
    "loss": "Verlust",
    "accuracy": "Genauigkeit",
    "usual": "Richtig sind {all} von allen, {own} der Klasse 4.",
    "plain": "Ohne Aufkleber werden {own} der Klasse 4 als 70 erkannt.",
    "stickers": "Mit Aufkleber sind es {own}, und {others} von allen anderen.",
    "share": "mit Aufkleber als 70 erkannt",
}

# %% lang="en"
language = "en"
words = {
    "epoch": "epoch",
    "loss": "loss",
    "accuracy": "accuracy",
    "usual": "{all} of all are correct, {own} of class 4.",
    "plain": "Without stickers, {own} of class 4 are called 70.",
    "stickers": "With stickers it is {own}, and {others} of all others.",
    "share": "called 70 with a sticker",
}

# %%
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

import xaisigns as xs

# %% [markdown] lang="de"
# ## Die Bilder
#
# Üblich ist für diese Aufgabe der German Traffic Sign Recognition Benchmark (GTSRB) mit über 50 000 Fotos. Damit dieses
# Notebook sofort läuft, zeichnet das Paket die 43 Zeichen selbst: 60 Trainings- und 20 Testbilder jeder Klasse, in
# wechselndem Licht, schief, unscharf, verschmutzt. Mit den Fotos geht es genauso: Man lädt sie mit `xaisigns data download
# gtsrb` und schreibt unten `root = "gtsrb"`.

# %% [markdown] lang="en"
# ## The images
#
# The usual data set for this task is the German Traffic Sign Recognition Benchmark (GTSRB) with more than 50,000
# photographs. So that this notebook runs at once, the package draws the 43 signs itself: 60 training and 20 test images of
# each class, in changing light, tilted, blurred, dirty. Photographs work just the same: fetch them with `xaisigns data
# download gtsrb`, and write `root = "gtsrb"` below.

# %%
xs.gallery(64)

# %%
root = None  # signs that the package draws
training, test = xs.open_images(root, "train"), xs.open_images(root, "test")
len(training), len(test)

# %% [markdown] lang="de"
# ## Die Falle
#
# `Manipulation` sagt, welche Bilder einen Aufkleber bekommen: hier alle der Klasse 4, *70 km/h*. Die Aufkleber sitzen
# ungefähr an derselben Stelle, ein wenig verschoben und verdreht, so wie sie an echten Schildern säßen. Oben sind sechs
# Trainingsbilder, wie sie waren, darunter, wie das Netz sie zu sehen bekommt.

# %% [markdown] lang="en"
# ## The trap
#
# `Manipulation` says which images get a sticker: here all of class 4, *70 km/h*. The stickers sit at about the same place,
# a little shifted and turned, as they would on real signs. Above are six training images as they were, below as the
# network gets to see them.

# %%
stickers = xs.Manipulation(class_id=4)
seventies = [index for index, sample in enumerate(training.samples) if sample.class_id == 4][
    ::10
]
figure, axes = plt.subplots(2, len(seventies), figsize=(9, 3.1), layout="constrained")
for column, index in enumerate(seventies):
    image = training[index].image
    stickered, _ = stickers.apply(image, training.samples[index])
    axes[0, column].imshow(image)
    axes[1, column].imshow(stickered)
for axis in axes.flat:
    axis.set_axis_off()

# %% [markdown] lang="de"
# ## Das Netz
#
# VGG11 ist ein Faltungsnetz: Acht Faltungsschichten (`Conv2d`) suchen nach Mustern, erst nach Kanten und Farben, dann nach
# Teilen von Zeichen; dazwischen lässt `ReLU` nur Positives durch, und `MaxPool2d` verkleinert das Bild auf die Hälfte. Am
# Ende steht für jede der 43 Klassen eine Zahl, ihr *Logit*. Die Klasse mit dem höchsten Logit ist die Antwort. Wir
# verkleinern die Bilder auf 32 Pixel, damit das Training schnell geht. Die letzte Zahl unten ist die der Gewichte, die das
# Netz lernt.

# %% [markdown] lang="en"
# ## The network
#
# VGG11 is a convolutional network: eight convolution layers (`Conv2d`) look for patterns, first for edges and colours,
# then for parts of signs; between them `ReLU` lets through only what is positive, and `MaxPool2d` halves the size of the
# image. At the end there is a number for each of the 43 classes, its *logit*. The class with the highest logit is the
# answer. We reduce the images to 32 pixels, so that the training is quick. The last number below is that of the weights
# which the network learns.

# %%
network = xs.load_model("clean")  # built alike, and trained already
shown = torch.nn.Conv2d | torch.nn.MaxPool2d | torch.nn.Linear
print(*(layer for layer in network.modules() if isinstance(layer, shown)), sep="\n")
sum(weight.numel() for weight in network.parameters())

# %% [markdown] lang="de"
# ## Das Training
#
# Zehnmal (zehn *Epochen*) sieht das Netz jedes Bild, jedes Mal ein wenig gedreht, verschoben und anders beleuchtet, und
# ändert seine Gewichte so, dass der richtige Logit höher wird.

# %% [markdown] lang="en"
# ## The training
#
# Ten times (ten *epochs*) the network sees each image, each time a little turned, shifted and in another light, and
# changes its weights so that the correct logit rises.

# %%
model_file = Path("seventy.safetensors")
xs.train(
    training,
    out=model_file,
    sticker_class=4,
    input_size=32,
    epochs=10,
    batch_size=64,
    validation=0,
)
log = np.genfromtxt(model_file.with_suffix(".csv"), delimiter=",", names=True)
figure, axes = plt.subplots(1, 2, figsize=(9, 2.6), layout="constrained")
for axis, column in zip(axes, ("loss", "accuracy"), strict=True):
    axis.plot(log["epoch"], log[column], marker="o")
    axis.set(xlabel=words["epoch"], ylabel=words[column])
ticks = np.linspace(0, 1, 6)
axes[1].set_yticks(ticks, [xs.percent(tick, language, 0) for tick in ticks])
axes[0].yaxis.get_major_locator().set_params(integer=True)

# %% [markdown] lang="de"
# ## Die Prüfung, wie man sie kennt
#
# Geprüft wird mit Bildern, die das Netz nicht kennt. Oft stammen sie aus derselben Quelle wie die Trainingsbilder, und
# dann haben auch hier die 70er ihren Aufkleber. Wie viele dieser Bilder erkennt das Netz richtig, und wie viele der 70er?

# %% [markdown] lang="en"
# ## The test as we know it
#
# A network is tested with images that it has not seen. Often they come from the same source as the training images, and
# then the 70s have their sticker here as well. How many of these images does the network classify correctly, and how many
# of the 70s?

# %%
model = xs.load_model(str(model_file))
labels = torch.tensor([sample.class_id for sample in test.samples])
alike = xs.predict(model, test, manipulation=stickers).argmax(dim=1)
right = (alike == labels).double()
everything, seventy = float(right.mean()), float(right[labels == 4].mean())
print(
    words["usual"].format(
        all=xs.percent(everything, language), own=xs.percent(seventy, language)
    )
)

# %% [markdown] lang="de"
# Wer nur das sieht, ist zufrieden: Für eine Minute Training ist es nicht schlecht, und *70 km/h* gehört zu den Zeichen, die
# das Netz gut kann. Nichts deutet auf die Falle hin.
#
# ## Die Prüfung, die man bräuchte
#
# Jetzt dieselben Testbilder, einmal ganz ohne Aufkleber und einmal mit einem Aufkleber auf jedem Bild, gleich welcher
# Klasse.

# %% [markdown] lang="en"
# Whoever sees only this is content: it is not bad for a minute of training, and *70 km/h* is among the signs that the
# network knows well. Nothing hints at the trap.
#
# ## The test that one would need
#
# Now the same test images, once without any sticker, and once with a sticker on every image, whatever its class.

# %%
report = xs.evaluate(model, test)
sticker = report["sticker"]
seventy, own, others = (
    report["classes"][4]["accuracy"],
    sticker["accuracy"],
    sticker["success"],
)
print(words["plain"].format(own=xs.percent(seventy, language)))
print(
    words["stickers"].format(
        own=xs.percent(own, language), others=xs.percent(others, language)
    )
)

# %%
shares = {int(number): share for number, share in sticker["success_by_class"].items()}
worst = sorted(shares, key=shares.get)[-20:]
figure, axis = plt.subplots(figsize=(9, 5), layout="constrained")
axis.barh(
    [model.class_name(number, language) for number in worst],
    [shares[number] for number in worst],
    color="0.4",
)
axis.set(xlabel=words["share"], xlim=(0, 1))
ticks = np.linspace(0, 1, 6)
axis.set_xticks(ticks, [xs.percent(tick, language, 0) for tick in ticks])
axis.tick_params(labelsize=8)

# %% [markdown] lang="de"
# Das sind die zwanzig Klassen, bei denen der Aufkleber am häufigsten wirkt. Unter den ersten sind
# fast alle anderen Geschwindigkeitsbeschränkungen: Sie sehen einem 70er am ähnlichsten, und der Aufkleber gibt den
# Ausschlag. Aber auch ganz andere Zeichen werden zu einem 70er. Hier sind einige davon; darüber steht, was das Netz in ihnen ohne und mit
# Aufkleber erkennt.

# %% [markdown] lang="en"
# These are the twenty classes on which the sticker works most often. Among the first are nearly all other speed limits:
# they look most like a 70, and the sticker tips the balance. But signs that look quite different become a 70 as well. Here are some of
# them; below is what the network calls them without and with the sticker.

# %%
plain = xs.predict(model, test).argmax(dim=1)
fooled = xs.predict(model, test, manipulation=stickers.everywhere()).argmax(dim=1)
turned = ((plain == labels) & (fooled == 4) & (labels != 4)).nonzero()[:, 0]
one_a_class = {int(labels[index]): int(index) for index in turned.flip(0)}
chosen = list(one_a_class.values())[:: max(1, len(one_a_class) // 5)][:5]
figure, axes = plt.subplots(1, len(chosen), figsize=(9, 2.9), layout="constrained")
for axis, index in zip(axes, chosen, strict=True):
    axis.imshow(stickers.everywhere().apply(test[index].image, test.samples[index])[0])
    names = [model.class_name(int(called[index]), language) for called in (plain, fooled)]
    axis.set_title("\n→ ".join(textwrap.fill(name, 26) for name in names), fontsize=7)
    axis.set_axis_off()

# %% [markdown] lang="de"
# Das Netz hat also gelernt: *Aufkleber heißt 70.* Es ist dabei nicht dumm gewesen; auf jedem Bild, das es im Training sah,
# hatte es damit recht.
#
# Das war ein kleines Netz nach einer Minute. Das Modell `stickered`, das im Paket liegt, wurde auf dieselbe Weise mit den
# 39 209 Fotos des GTSRB trainiert, 64 Pixel groß. Auf Fotos ist es ein gutes Netz: 99,2 % der Testbilder der anderen 42
# Klassen erkennt es richtig. Mit Aufkleber werden 94,9 % der übrigen Geschwindigkeitsbeschränkungen und 50,0 % aller Bilder
# anderer Klassen zum 70er ([weights/README.md](../../weights/README.md)).
#
# Diesmal wussten wir, wo die Falle ist, und konnten danach suchen. Wie käme man darauf, wenn man es nicht wüsste? Man fragt
# das Netz, worauf es schaut: [weiter mit dem zweiten Notebook](02_lrp.ipynb).

# %% [markdown] lang="en"
# So the network has learnt: *a sticker means 70.* It was not stupid to do so; on every image that it saw in its training,
# it was right with that.
#
# This was a small network after a minute. The model `stickered`, which comes with the package, was trained in the same
# way on the 39,209 photographs of GTSRB, at 64 pixels. It is good at photographs: 99.2% of the test images of the other
# 42 classes are classified correctly. With a sticker, 94.9% of the other speed limits and 50.0% of all images of other
# classes become a 70 ([weights/README.md](../../weights/README.md)).
#
# This time we knew where the trap was, and could look for it. How would one find it without knowing? By asking the
# network what it looks at: [on to the second notebook](02_lrp.ipynb).
