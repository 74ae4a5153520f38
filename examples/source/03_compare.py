# %% [markdown] lang="de"
# # 3. Welcher Heatmap soll man glauben?
#
# Im [zweiten Notebook](02_lrp.ipynb) hat LRP gezeigt, dass ein Netz auf einen Aufkleber schaut. Eine Heatmap sieht immer
# überzeugend aus, ob sie stimmt oder nicht. Hier stellen wir LRP neben andere Verfahren und lassen alle an etwas messen, das
# wir wissen: dem Ort des Aufklebers.

# %% [markdown] lang="en"
# # 3. Which heatmap to believe?
#
# In the [second notebook](02_lrp.ipynb) LRP showed that a network looks at a sticker. A heatmap always looks convincing,
# whether it is true or not. Here we put LRP beside other methods, and measure all of them by something that we know: the
# place of the sticker.

# %% lang="de"
language = "de"
words = {
    "relevance_mass_grown": "Relevanz auf dem Aufkleber",
    "localisation_auc_grown": "Aufkleber zuerst (AUC)",
    "flipping_area": "Treue zum Netz (Pixel Flipping)",
}
half = "0,5"

# %% lang="en"
language = "en"
words = {
    "relevance_mass_grown": "relevance on the sticker",
    "localisation_auc_grown": "sticker first (AUC)",
    "flipping_area": "faithfulness (pixel flipping)",
}
half = "0.5"

# %%
import copy

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display

import xaisigns as xs

# %% [markdown] lang="de"
# ## Nebeneinander
#
# Das 50er-Schild mit Aufkleber, vom Modell `stickered` als 70 erkannt. Die Spalten sind Verfahren, die Zeilen Klassen: oben
# die erkannte, darunter die, die eigentlich richtig wäre. Jedes Verfahren hat seine eigene Skala, dieselbe in beiden Zeilen.

# %% [markdown] lang="en"
# ## Side by side
#
# The 50 with a sticker, called 70 by the model `stickered`. Columns are methods, rows are classes: above the one that was
# seen, below the one that would be right. Each method has a scale of its own, the same in both rows.

# %%
model = xs.load_model("stickered")
image = xs.example_signs()["speed-50-sticker"]
methods = [
    "lrp",
    "saliency",
    "integrated_gradients",
    "guided_backprop",
    "gradcam",
    "occlusion",
    "edges",
]
xs.compare(model, [image], methods, ["predicted", 2], language=language)[0]

# %% [markdown] lang="de"
# Sie sind sich nicht einig.
#
# - **LRP** legt Rot auf den Aufkleber und den Balken darüber und in der zweiten Zeile Blau auf dieselbe Stelle.
# - **Saliency** zeigt, wo eine kleine Änderung den Logit am stärksten ändern würde, ohne Vorzeichen. Das ist eine andere Frage
#   als die, woraus der Logit besteht.
# - **Integrated Gradients** mittelt den Gradienten auf dem Weg von einem einfarbigen Bild zu diesem; beide Vorzeichen liegen dicht
#   beieinander.
# - **Guided Backpropagation** zeichnet die Kanten des Bildes nach, und zwar in beiden Zeilen dieselben.
# - **Grad-CAM** findet die Gegend, aber keine Form: Es rechnet mit 4 × 4 Feldern.
# - **Occlusion** verdeckt Stück für Stück des Bildes und sieht nach, wie weit der Logit fällt. Das braucht viele Durchläufe,
#   fragt dafür das Netz selbst.
#
# Die letzte Spalte ist eine *Kontrolle*: die Kanten des Bildes. Sie weiß nichts vom Netz. Sieht ein Verfahren aus wie sie, so
# hat es womöglich auch nicht mehr zu sagen.
#
# ## Was bleibt, wenn das Netz alles vergisst?
#
# Eine einfache Prüfung [Adebayo u. a. 2018]: Wir geben dem Netz zufällige Gewichte. Es weiß nun nichts mehr, und eine
# Heatmap, die zeigt, was das Netz gelernt hat, müsste ganz anders aussehen.

# %% [markdown] lang="en"
# They do not agree.
#
# - **LRP** puts red on the sticker and the bar above it, and in the second row blue on the same place.
# - **Saliency** shows where a small change would change the logit most, without a sign. This is another question than what
#   the logit is made of.
# - **Integrated gradients** averages the gradient on the way from an image of one colour to this one; both signs lie close together.
# - **Guided backpropagation** traces the edges of the image, and the same ones in both rows.
# - **Grad-CAM** finds the neighbourhood, but no shape: it computes with 4 × 4 cells.
# - **Occlusion** hides the image piece by piece and looks how far the logit falls. This takes many passes, but it asks the
#   network itself.
#
# The last column is a *control*: the edges of the image. It knows nothing of the network. A method that looks like it may have
# no more to say than it does.
#
# ## What is left when the network forgets everything?
#
# A simple check [Adebayo et al. 2018]: we give the network random weights. It knows nothing any more, and a heatmap that shows
# what the network has learnt should look quite different.

# %%
forgetful = copy.deepcopy(model)
torch.manual_seed(0)
for layer in forgetful.modules():
    if isinstance(layer, torch.nn.Conv2d):
        torch.nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    if isinstance(layer, torch.nn.Linear):
        torch.nn.init.normal_(layer.weight, std=0.01)
    if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
        torch.nn.init.zeros_(layer.bias)
few = ["lrp", "integrated_gradients", "guided_backprop", "gradcam", "edges"]
for network in (model, forgetful):
    display(xs.compare(network, [image], few, [4], language=language)[0])

# %% [markdown] lang="de"
# Oben das Modell, darunter dasselbe Netz ohne Gedächtnis. Guided Backpropagation zeichnet noch immer das Schild mit seinen
# Kanten: Was es zeigt, kommt zum großen Teil aus dem Bild und nicht aus dem Gelernten. Auch bei LRP sind die Ziffern noch zu
# ahnen, nun blau; vom Aufkleber ist nichts geblieben. Die Zahlen darunter sagen, wie schwach alles geworden ist.
#
# ## Gemessen
#
# Ein Bild ist kein Beweis. Wir nehmen von jeder anderen Klasse ein gezeichnetes Testbild, das mit Aufkleber zum 70er wird, und
# messen auf allen:
#
# - **Relevanz auf dem Aufkleber**: welcher Anteil der positiven Relevanz auf dem Aufkleber liegt (oder bis zu 2 Pixel
#   daneben);
# - **Aufkleber zuerst**: wie wahrscheinlich ein Pixel des Aufklebers mehr Relevanz hat als ein anderes. 0,5 wäre Zufall;
# - **Treue zum Netz**: Ersetzt man die Pixel mit der höchsten Relevanz durch eine unauffällige Farbe, müsste das Netz die
#   Antwort bald aufgeben, beginnt man bei der niedrigsten, erst spät. Gemessen wird der Unterschied; 0 wäre Zufall.

# %% [markdown] lang="en"
# Above the model, below the same network without its memory. Guided backpropagation still draws the sign with its edges:
# what it shows comes from the image to a large part, and not from what was learnt. With LRP, too, the digits can be made
# out, now in blue; of the sticker nothing is left. The numbers below tell how faint everything has become.
#
# ## Measured
#
# One image is no proof. We take one drawn test image of each other class that becomes a 70 with a sticker, and measure on
# all of them:
#
# - **Relevance on the sticker**: what share of the positive relevance lies on the sticker (or up to 2 pixels beside it);
# - **Sticker first**: how likely a pixel of the sticker has more relevance than another one. 0.5 would be chance;
# - **Faithfulness**: when the pixels with the highest relevance are replaced by an inconspicuous colour, the network should
#   give up its answer soon, and late when one begins with the lowest. The difference is measured; 0 would be chance.

# %%
chosen = ["lrp:epsilon_plus_flat", "saliency", *few, "uniform"]
document = xs.score(
    model, methods=chosen, metrics=["localisation", "flipping"], per_class=1, steps=8
)
document["count"], document["area_share"]

# %%
controls = document["controls"]
names = [*controls, *reversed([name for name in document["methods"] if name not in controls])]
figure, axes = plt.subplots(1, len(words), figsize=(9, 3.2), sharey=True, layout="constrained")
for axis, (metric, label) in zip(axes, words.items(), strict=True):
    scores = [document["methods"][name][metric] for name in names]
    values = np.array([one["value"] for one in scores])
    low, high = np.array([one["interval"] for one in scores]).T
    colours = ["0.75" if name in controls else "tab:red" for name in names]
    axis.barh(names, values, xerr=(values - low, high - values), color=colours, ecolor="0.3")
    axis.set_title(label, fontsize=9)
    axis.set_xticks([0, 0.5], ["0", half])
    axis.tick_params(labelsize=8)

# %% [markdown] lang="de"
# Grau sind die Kontrollen, Striche sind 95-%-Intervalle über die Bilder. Wer nichts weiß, bekommt links den Anteil der Fläche
# des Aufklebers (gut ein Achtel), in der Mitte 0,5 und rechts 0.
#
# - **LRP** hat deutlich am meisten Relevanz auf dem Aufkleber, mehr als die Hälfte auf einem Achtel der Fläche.
# - Mit anderen Regeln (`epsilon_plus_flat`) ist es nur halb so viel: Auch LRP ist nicht einfach *ein* Verfahren.
# - **Guided Backpropagation** schneidet bei zwei der drei Kennzahlen nicht besser ab als Verfahren, die nichts vom Netz wissen.
# - **Grad-CAM** ist in der Mitte das beste und links schwach: Es findet den Ort, nicht die Form.
# - **Integrated Gradients** ist dem Netz rechts am treuesten, treuer als LRP.
#
# Kein Verfahren ist überall das beste, und deshalb ist eine Kennzahl so wenig ein Beweis wie eine Heatmap. Auf echten Fotos ist
# es ähnlich; dort wurden 38 Verfahren an 149 Bildern gemessen: [docs/scores.md](../../docs/scores.md).

# %% [markdown] lang="en"
# Grey are the controls, lines are 95 % intervals over the images. Whoever knows nothing gets, on the left, the sticker's share
# of the area (a good eighth), in the middle 0.5, and on the right 0.
#
# - **LRP** has clearly the most relevance on the sticker, more than half of it on an eighth of the area.
# - With other rules (`epsilon_plus_flat`) it is only half as much: LRP, too, is not simply *one* method.
# - **Guided backpropagation** does no better by two of the three scores than methods that know nothing of the network.
# - **Grad-CAM** is best in the middle and weak on the left: it finds the place, not the shape.
# - **Integrated gradients** is most faithful to the network on the right, more so than LRP.
#
# No method is best at everything, which is why a score is no more a proof than a heatmap is. It is much the same on real
# photographs; 38 methods were measured there on 149 images: [docs/scores.md](../../docs/scores.md).

# %% [markdown] lang="de"
# ## Wie es weitergeht
#
# - Die Abkürzung finden, ohne dass sie jemand verrät: [weiter mit dem vierten Notebook](04_audit.ipynb).
# - Alle Klassen auf einmal, als PDF und HTML zum Weitergeben: `xaisigns report --lang de`
#   ([docs/report.md](../../docs/report.md)).
# - Eigene Bilder und ein eigenes Netz: [docs/own.md](../../docs/own.md).
# - Alle Verfahren und was sie zeigen: [docs/methods.md](../../docs/methods.md); alle Kennzahlen:
#   [docs/metrics.md](../../docs/metrics.md).
#
# ## Quellen
#
# - S. Bach, A. Binder, G. Montavon, F. Klauschen, K.-R. Müller, W. Samek: *On Pixel-Wise Explanations for Non-Linear Classifier
#   Decisions by Layer-Wise Relevance Propagation.* PLoS ONE 10 (7), 2015.
# - J. Adebayo, J. Gilmer, M. Muelly, I. Goodfellow, M. Hardt, B. Kim: *Sanity Checks for Saliency Maps.* NeurIPS 2018.
# - J. Stallkamp, M. Schlipsing, J. Salmen, C. Igel: *Man vs. Computer: Benchmarking Machine Learning Algorithms for Traffic Sign
#   Recognition.* Neural Networks 32, 2012.

# %% [markdown] lang="en"
# ## Where to go from here
#
# - Find the shortcut without being told: [on to the fourth notebook](04_audit.ipynb).
# - All classes at once, as PDF and HTML to pass on: `xaisigns report` ([docs/report.md](../../docs/report.md)).
# - Your own images and your own network: [docs/own.md](../../docs/own.md).
# - All methods and what they show: [docs/methods.md](../../docs/methods.md); all scores:
#   [docs/metrics.md](../../docs/metrics.md).
#
# ## Sources
#
# - S. Bach, A. Binder, G. Montavon, F. Klauschen, K.-R. Müller, W. Samek: *On Pixel-Wise Explanations for Non-Linear Classifier
#   Decisions by Layer-Wise Relevance Propagation.* PLoS ONE 10 (7), 2015.
# - J. Adebayo, J. Gilmer, M. Muelly, I. Goodfellow, M. Hardt, B. Kim: *Sanity Checks for Saliency Maps.* NeurIPS 2018.
# - J. Stallkamp, M. Schlipsing, J. Salmen, C. Igel: *Man vs. Computer: Benchmarking Machine Learning Algorithms for Traffic Sign
#   Recognition.* Neural Networks 32, 2012.
