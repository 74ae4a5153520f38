# %% [markdown] lang="de"
# # 2. Worauf schaut das Netz?
#
# Im [ersten Notebook](01_training.ipynb) hat ein Netz Verkehrszeichen gelernt, und auf jedem Trainingsbild der Klasse
# *70 km/h* klebte ein schwarzer Aufkleber. Hier fragen wir ein solches Netz, worauf es schaut. Das Verfahren heißt
# *Layer-wise Relevance Propagation* (LRP), schichtweise Relevanzpropagation [Bach u. a. 2015].
#
# Erklärt wird das Modell `stickered`, das im Paket liegt. Es wurde mit den Fotos des GTSRB trainiert.

# %% [markdown] lang="en"
# # 2. What does the network look at?
#
# In the [first notebook](01_training.ipynb) a network learnt traffic signs, and every training image of the class *70 km/h*
# had a black sticker on it. Here we ask such a network what it looks at. The method is called *layer-wise relevance
# propagation* (LRP) [Bach et al. 2015].
#
# Explained is the model `stickered`, which comes with the package. It was trained on the photographs of GTSRB.

# %% lang="de"
language = "de"
words = {
    "for": "{share} der positiven Relevanz auf {area} der Fläche",
    "against": "{share} der negativen Relevanz auf {area} der Fläche",
    "layer": "Schicht",
    "relevance": "Relevanz",
    "ledger": "Logit {logit}, an den Pixeln {pixels}",
}

# %% lang="en"
language = "en"
words = {
    "for": "{share} of the positive relevance on {area} of the area",
    "against": "{share} of the negative relevance on {area} of the area",
    "layer": "layer",
    "relevance": "relevance",
    "ledger": "logit {logit}, at the pixels {pixels}",
}

# %%
import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import torch

import xaisigns as xs

# %%
model = xs.load_model("stickered")
images = list(xs.example_signs().values())
x = model.preprocess(images)
probabilities = model(x).softmax(dim=1)

figure, axes = plt.subplots(1, len(images), figsize=(9, 2.8), layout="constrained")
for axis, image, row in zip(axes, images, probabilities, strict=True):
    axis.imshow(image)
    name = model.class_name(int(row.argmax()), language)
    axis.set_title(f"{name}\n{xs.percent(float(row.max()), language)}", fontsize=7)
    axis.set_axis_off()

# %% [markdown] lang="de"
# Vier gezeichnete Schilder, darüber, was das Netz in ihnen erkennt und wie sicher es ist. Drei sind richtig. Das vierte ist
# dasselbe 50er-Schild wie das dritte, nur mit Aufkleber, und das Netz ist sich sicher: 70.
#
# ## Wie LRP rechnet
#
# Die Antwort des Netzes ist eine Zahl, der Logit der erkannten Klasse. LRP verteilt diese Zahl rückwärts durch das Netz, von
# der letzten Schicht bis zu den Pixeln: Jedes Neuron gibt, was es bekommen hat, an seine Eingänge weiter, an jeden so viel,
# wie er beigetragen hat. Was am Ende ein Pixel bekommt, ist seine *Relevanz*.
#
# Ein Netz, das auf ein Blatt Papier passt: drei Eingänge, zwei verborgene Neuronen, ein Ausgang.

# %% [markdown] lang="en"
# Four drawn signs, above each what the network calls it, and how sure it is. Three are right. The fourth is the same 50 as
# the third, with a sticker on it, and the network is sure: 70.
#
# ## How LRP computes
#
# The network's answer is a number, the logit of the class that it saw. LRP shares this number out backwards through the
# network, from the last layer to the pixels: each neuron passes on what it received to its inputs, to each as much as it
# contributed. What a pixel receives in the end is its *relevance*.
#
# A network that fits on a sheet of paper: three inputs, two hidden neurons, one output.

# %%
inputs = np.array([1.0, 2.0, 1.0])
first = np.array([[1.0, -1.0], [1.0, 0.5], [-1.0, 1.0]])
second = np.array([3.0, -1.0])

hidden = np.maximum(0, inputs @ first)
output = hidden @ second
print(hidden, output)

# %% [markdown] lang="de"
# Der Ausgang ist 5. Das erste verborgene Neuron hat 2 · 3 = 6 beigetragen, das zweite 1 · (−1) = −1: Es hat die 5 kleiner
# gemacht. Das ist die Relevanz der beiden. Nun verteilt jedes die seine auf die Eingänge, nach deren Anteil an seinem Wert:

# %% [markdown] lang="en"
# The output is 5. The first hidden neuron contributed 2 · 3 = 6, the second 1 · (−1) = −1: it made the 5 smaller. This is
# the relevance of the two. Now each shares out its own among the inputs, by their shares in its value:

# %%
relevance_of_hidden = hidden * second
shares = inputs[:, None] * first / hidden
relevance = shares @ relevance_of_hidden
print(relevance_of_hidden, relevance, relevance.sum())

# %% [markdown] lang="de"
# Die drei Eingänge haben die Relevanz 4, 5 und −4. Sie ergeben zusammen wieder 5, nichts ging verloren. Die beiden ersten
# sprachen für die Antwort, der dritte dagegen: Ohne ihn wäre der Ausgang größer.
#
# Das Paket rechnet dasselbe, mit dem LRP von Captum:

# %% [markdown] lang="en"
# The three inputs have the relevance 4, 5 and −4. Together they make 5 again, nothing was lost. The first two spoke for the
# answer, the third against it: without it the output would be larger.
#
# The package computes the same, with Captum's LRP:

# %%
sheet_of_paper = torch.nn.Sequential(
    torch.nn.Flatten(),
    torch.nn.Linear(3, 2, bias=False),
    torch.nn.ReLU(),
    torch.nn.Linear(2, 1, bias=False),
)
sheet_of_paper[1].weight.data = torch.tensor(first.T, dtype=torch.float32)
sheet_of_paper[3].weight.data = torch.tensor(second[None], dtype=torch.float32)
xs.lrp(sheet_of_paper, torch.tensor([[[[1.0, 2.0, 1.0]]]]), target=0, composite="epsilon")

# %% [markdown] lang="de"
# ## Vier Schilder
#
# Nun das richtige Netz. Rot ist positive Relevanz: Das Pixel spricht für die erkannte Klasse. Blau ist negative: Es spricht
# dagegen. Weiß tut weder das eine noch das andere. Links steht das Bild, in der Mitte die Heatmap, rechts beides
# übereinander.
#
# ### Halt! Vorfahrt gewähren

# %% [markdown] lang="en"
# ## Four signs
#
# Now the real network. Red is positive relevance: the pixel speaks for the class that was seen. Blue is negative: it speaks
# against it. White does neither. On the left is the image, in the middle the heatmap, on the right both of them.
#
# ### Stop

# %%
xs.show(model, images[:1], xs.attribute(model, x[:1]), language=language)

# %% [markdown] lang="de"
# Rot sind die rote Fläche über und unter der Schrift und Stücke des achteckigen Randes, am kräftigsten rechts unten. Daran
# erkennt das Netz das Stoppschild. Die Schrift STOP, an der wir es lesen, ist zum großen Teil blau: Helle Striche in der
# Mitte sprechen bei diesem Netz eher gegen diese Klasse als dafür. Das Netz hat recht, aber nicht aus unserem Grund.
#
# ### Überholverbot

# %% [markdown] lang="en"
# Red are the red field above and below the lettering and parts of the octagon's rim, most of all at the lower right. By these
# the network knows the stop sign. The word STOP, by which we read it, is largely blue: to this network, bright strokes in
# the middle speak against the class rather than for it. The network is right, but not for our reason.
#
# ### No overtaking

# %%
xs.show(model, images[1:2], xs.attribute(model, x[1:2]), language=language)

# %% [markdown] lang="de"
# Rot sind der Ring, vor allem links und rechts oben, und die Reihe der Autos auf ihrer unteren Hälfte. Blau ist das Dach des
# linken, roten Autos: Es spricht für dieses Netz gegen das Überholverbot. Gut zu sehen ist, dass der Hintergrund, die
# Bäume und das Zusatzschild, fast weiß bleibt.
#
# ### 50

# %% [markdown] lang="en"
# Red are the ring, most of all at the upper left and right, and the row of cars along its lower half. Blue is the roof of
# the left, red car: to this network it speaks against no overtaking. Note that the background, the trees and the plate
# below, stays nearly white.
#
# ### 50

# %%
xs.show(model, images[2:3], xs.attribute(model, x[2:3]), language=language)

# %% [markdown] lang="de"
# Hier stimmt der Grund: Am meisten spricht die 5 für *50*, besonders ihr Bauch, mit dem sie sich von einer 3 oder 8
# unterscheidet. Die Null ist zum Teil blau und das linke Ende der 5 auch. Das ist kein Fehler: Eine Null steht auf fast allen Schildern dieser Art, sie
# unterscheidet die 50 von keinem. Blau heißt nicht unwichtig, sondern: spricht dagegen.
#
# ### 50 mit Aufkleber, erkannt als 70

# %% [markdown] lang="en"
# Here the reason is right: what speaks for *50* most is the 5, above all its belly, which tells it from a 3 or an 8. The
# zero is partly blue, and so is the left end of the 5. This is no mistake: nearly all signs of this kind have a zero, it tells the 50 from none of
# them. Blue does not mean unimportant, it means: speaks against.
#
# ### 50 with a sticker, called 70

# %%
seventy = xs.attribute(model, x[3:])
xs.show(model, images[3:], seventy, language=language)

# %% [markdown] lang="de"
# Dasselbe Schild, und die Heatmap sieht anders aus. Rot sind jetzt die Ecken und das Innere des Aufklebers, und der Balken
# der 5 darüber, der nun auch der einer 7 sein könnte. Blau ist der obere Bogen der Null und ein Stück links am Aufkleber.
#
# Wie viel der Relevanz liegt auf dem Aufkleber? Wo er sitzt, wissen wir: dort, wo sich die beiden 50er unterscheiden.

# %% [markdown] lang="en"
# The same sign, and the heatmap looks different. Red are now the corners and the inside of the sticker, and the bar of the
# 5 above it, which could now be that of a 7. Blue is the upper bend of the zero, and a part at the left of the sticker.
#
# How much of the relevance lies on the sticker? We know where it is: where the two 50s differ.

# %%
mask = (np.asarray(images[2]) != np.asarray(images[3])).any(axis=2)[::2, ::2]
heatmap = seventy.heatmap[0].numpy()
speaks_for = heatmap.clip(min=0)
share, area = speaks_for[mask].sum() / speaks_for.sum(), mask.mean()
print(
    words["for"].format(
        share=xs.percent(share, language, 0), area=xs.percent(area, language, 0)
    )
)

# %% [markdown] lang="de"
# Dreimal so viel, wie der Fläche zukäme. (Der Rest verteilt sich: Auch Ring und Ziffern gehören zu einem 70er.)
#
# ## Eine andere Frage: Warum nicht 50?
#
# Eine Heatmap gehört immer zu einer Klasse. Bisher war das die erkannte. Wir können das Netz ebenso fragen, was auf diesem
# Bild für oder gegen *50* spricht, die Klasse 2:

# %% [markdown] lang="en"
# Three times as much as its area would get. (The rest is spread: ring and digits belong to a 70, too.)
#
# ## Another question: why not 50?
#
# A heatmap always belongs to a class. Until now it was the one that was seen. We can just as well ask the network what in
# this image speaks for or against *50*, class 2:

# %%
fifty = xs.attribute(model, x[3:], target=2)
xs.show(model, images[3:], fifty, language=language)

# %%
against = (-fifty.heatmap[0].numpy()).clip(min=0)
share = against[mask].sum() / against.sum()
print(
    words["against"].format(
        share=xs.percent(share, language, 0), area=xs.percent(area, language, 0)
    )
)

# %% [markdown] lang="de"
# Nun ist der Aufkleber blau. Was für *70* spricht, spricht gegen *50*: Das ist negative Relevanz zum Ansehen.
#
# Man kann auch beides in einer Frage stellen: Was spricht für *70* und nicht vielmehr für *50*? Was beide Klassen
# gemeinsam haben, hebt sich dabei zum Teil auf.

# %% [markdown] lang="en"
# Now the sticker is blue. What speaks for *70* speaks against *50*: this is negative relevance to look at.
#
# Both can be asked in one question: what speaks for *70* rather than for *50*? What the two classes share cancels in part.

# %%
xs.show(model, images[3:], xs.attribute(model, x[3:], target=4, against=2), language=language)

# %% [markdown] lang="de"
# ## Die Gegenprobe
#
# Eine Heatmap behauptet etwas; prüfen lässt es sich am Netz selbst. Ist es der Aufkleber, der zählt, dann müsste er auch auf
# anderen Schildern wirken. Wir kleben ihn auf die drei, die keinen haben, genau so, wie er auf dem
# vierten klebt:

# %% [markdown] lang="en"
# ## The cross-check
#
# A heatmap claims something; the network itself can be asked whether it is true. If it is the sticker that counts, it
# should work on other signs as well. We put it on the three that have none, just as it is on the fourth:

# %%
sticker = np.asarray(images[3])
where = (np.asarray(images[2]) != sticker).any(axis=2, keepdims=True)
pasted = [
    PIL.Image.fromarray(np.where(where, sticker, np.asarray(image))) for image in images[:3]
]
called = model(model.preprocess(pasted)).softmax(dim=1)
figure, axes = plt.subplots(1, len(pasted), figsize=(7, 2.8), layout="constrained")
for axis, image, row in zip(axes, pasted, called, strict=True):
    axis.imshow(image)
    name = model.class_name(int(row.argmax()), language)
    axis.set_title(f"{name}\n{xs.percent(float(row.max()), language)}", fontsize=7)
    axis.set_axis_off()

# %% [markdown] lang="de"
# Auch das Stoppschild wird zum 70er, und sogar das Überholverbot, wenn auch knapp. Der Befund hängt also nicht an einer
# Heatmap allein: Der Aufkleber ist der Grund.
#
# ## Die Regeln
#
# Auf dem Blatt Papier gab es nur eine Art zu teilen. In einem echten Netz heben sich in jeder Schicht Tausende Beiträge mit
# beiden Vorzeichen beinahe auf, und genaues Teilen ergibt Rauschen. LRP hat deshalb mehrere *Regeln*, nach denen eine
# Schicht teilt, und welche Schicht welche bekommt, sagt die *Zusammenstellung* (Composite). Die hier übliche,
# `epsilon_gamma_box` mit Gamma 0,05, teilt in den Faltungsschichten so, dass Beiträge mit dem Vorzeichen des Ergebnisses
# etwas mehr zählen:

# %% [markdown] lang="en"
# The stop sign becomes a 70, too, and even no overtaking, though by little. So the finding does not hang on a heatmap
# alone: the sticker is the reason.
#
# ## The rules
#
# On the sheet of paper there was one way to share. In a real network, thousands of contributions of both signs nearly
# cancel in each layer, and sharing them exactly gives noise. LRP therefore has several *rules* by which a layer shares, and
# the *composite* says which layer gets which. The default here, `epsilon_gamma_box` with gamma 0.05, shares in the
# convolutions so that contributions of the result's own sign count a little more:

# %%
lrp = xs.LRP(model, bounds=model.bounds)
for entry in lrp.assignments:
    if entry.type in ("Conv2d", "Linear", "MaxPool2d", "AdaptiveAvgPool2d"):
        print(
            f"{entry.layer:15} {entry.type:18} {entry.rule.name:9} {dict(entry.rule.parameters)}"
        )

# %% [markdown] lang="de"
# Die Regeln entscheiden mit darüber, was man sieht. Dasselbe Bild in fünf Zusammenstellungen:

# %% [markdown] lang="en"
# The rules have a say in what one sees. The same image in five composites:

# %%
composites = [
    "epsilon",
    "epsilon_gamma_box:gamma=0.05",
    "epsilon_gamma_box",
    "epsilon_plus_flat",
    "epsilon_plus",
]
figure, axes = plt.subplots(1, len(composites), figsize=(9, 2.2), layout="constrained")
for axis, composite in zip(axes, composites, strict=True):
    relevance = xs.attribute(model, x[3:], composite=composite).heatmap[0].numpy()
    limit = abs(relevance).max()
    axis.imshow(relevance, cmap="bwr", vmin=-limit, vmax=limit)
    axis.set_title(composite.replace(":", ":\n"), fontsize=8)
    axis.set_axis_off()

# %% [markdown] lang="de"
# `epsilon` ist das genaue Teilen von oben: viel Rauschen. Je größer Gamma, desto ruhiger wird das Bild, und desto weniger
# bleibt vom Blau. `epsilon_plus` und `epsilon_plus_flat` teilen in allen Faltungen nur unter dem, was einen Wert erhöht hat: Sie
# zeigen ruhig, wo das Netz hinsah, und für die erkannte Klasse bleibt kaum Blau. Warum Gamma 0,05 der Standard ist, ist
# gemessen: [docs/scores.md](../../docs/scores.md).
#
# ## Wo bleibt der Logit?
#
# Auf dem Blatt Papier ergab die Relevanz aller Eingänge genau den Ausgang. Das echte Netz hat in jeder Schicht noch *Bias*-Werte,
# die von keinem Pixel abhängen. Auch sie bekommen ihren Teil, und der erreicht das Bild nicht. Wie viel in jeder Schicht
# ankommt, vom Ausgang (links) bis zu den Pixeln:

# %% [markdown] lang="en"
# `epsilon` is the exact sharing from above: a lot of noise. The larger gamma, the calmer the picture, and the less blue is
# left. In all convolutions `epsilon_plus` and `epsilon_plus_flat` share only among what raised a value: they show calmly
# where the network looked, and for the class that it says hardly any blue is left. Why gamma 0.05 is the default has been
# measured: [docs/scores.md](../../docs/scores.md).
#
# ## Where does the logit go?
#
# On the sheet of paper the relevance of all inputs made exactly the output. In the real network each layer has *bias* values
# as well, which depend on no pixel. They get their part, too, and it never reaches the image. How much arrives at each
# layer, from the output (left) to the pixels:

# %%
ledger = [
    entry
    for entry in lrp.ledger(x[3:], target=4)
    if entry.assignment.type in ("Conv2d", "Linear")
]
figure, axis = plt.subplots(figsize=(9, 2.6), layout="constrained")
axis.bar(
    [entry.assignment.layer for entry in ledger],
    [float(entry.received) for entry in ledger],
    color="0.4",
)
axis.set(xlabel=words["layer"], ylabel=words["relevance"])
axis.tick_params(axis="x", labelsize=7)
ends = (ledger[0].received, ledger[-1].passed)
logit, pixels = (xs.number(float(value), language) for value in ends)
print(words["ledger"].format(logit=logit, pixels=pixels))

# %% [markdown] lang="de"
# Der größte Teil geht bei diesen Regeln an die Bias-Werte. Was an Pixeln ankommt, ist deshalb als Bild zu lesen: wo mehr, wo
# weniger, wo dafür, wo dagegen. Mehr über die Regeln: [docs/lrp.md](../../docs/lrp.md).
#
# Eine Heatmap ist damit noch kein Beweis. Andere Verfahren zeigen auf demselben Bild anderes. Welchem soll man glauben?
# [Weiter mit dem dritten Notebook](03_compare.ipynb).

# %% [markdown] lang="en"
# With these rules most of it goes to the biases. What arrives at the pixels is therefore to be read as a picture: where more,
# where less, where for, where against. More about the rules: [docs/lrp.md](../../docs/lrp.md).
#
# One heatmap is no proof yet. Other methods show other things on the same image. Which one to believe?
# [On to the third notebook](03_compare.ipynb).
