"""What each method does, in German; in English the first line of its docstring says it."""

from collections.abc import Mapping

GERMAN: Mapping[str, str] = {
    "lrp": "Schichtweise Relevanzpropagation: Der Logit wird von Schicht zu Schicht verteilt, nach den Regeln einer "
    "Zusammenstellung.",
    "saliency": "Betrag des Gradienten: wie stark sich der Logit mit einem Pixel ändert, gleich in welche Richtung.",
    "input_x_gradient": "Gradient mal Pixel: was jedes Pixel zum Logit beiträgt, wenn man das Netz an dieser Stelle "
    "als linear ansieht.",
    "integrated_gradients": "Der Gradient, gemittelt auf dem Weg von der mittleren Farbe zum Bild, mal der Differenz "
    "der beiden.",
    "smoothgrad": "Betrag des Gradienten, gemittelt über verrauschte Kopien des Bildes.",
    "guided_backprop": "Der Gradient, wobei ReLU nur durchlässt, was auf dem Hinweg wie auf dem Rückweg positiv ist.",
    "deconvolution": "Der Gradient, wobei ReLU durchlässt, was auf dem Rückweg positiv ist, ganz gleich, was auf dem "
    "Hinweg war.",
    "deep_lift": "Die Differenz zum Logit der mittleren Farbe, Schicht für Schicht anhand der Differenzen verteilt.",
    "gradient_shap": "Der Gradient an zufälligen Punkten zwischen der mittleren Farbe und dem Bild, mal der Differenz "
    "der beiden: erwartete Gradienten.",
    "guided_gradcam": "Guided Backpropagation mal Grad-CAM: so fein wie das eine und nur dort, wo auch das andere ist.",
    "gradcam": "Die Merkmalskarten der letzten Faltung, gewichtet mit ihrem mittleren Gradienten; nur was für die "
    "Klasse spricht, und grob.",
    "occlusion": "Wie weit der Logit fällt, wenn ein quadratisches Fenster das Pixel verdeckt, im Mittel über alle "
    "Fenster, in denen es liegt.",
    "feature_ablation": "Wie weit der Logit fällt, wenn das Superpixel (SLIC) verdeckt wird, zu dem das Pixel gehört.",
    "kernel_shap": "Die Shapley-Werte der Superpixel (SLIC), geschätzt anhand zufälliger Mengen, die verdeckt werden.",
    "random": "Kontrolle: normalverteiltes Rauschen, für jedes Bild ein eigenes.",
    "edges": "Kontrolle: die Kanten des Bildes selbst, nach Sobel auf dem Mittel seiner Kanäle.",
    "uniform": "Kontrolle: überall derselbe Wert.",
}
