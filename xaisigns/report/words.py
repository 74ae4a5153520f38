"""All fixed text of a report in both languages."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from xaisigns.base.language import Language
from xaisigns.base.numbers import whole

_NOT_ON_A_PAGE = "\ufffe\uffff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "What the network looks at",
        "test_images": "{name}, {count} test images",
        "test_images_one": "{name}, {count} test image",
        "drawn_images": "{count} test images drawn by xaisigns",
        "drawn_images_one": "{count} test image drawn by xaisigns",
        "truth_sticker": "sticker",
        "truth_roi": "sign",
        "sticker_finding": "A black sticker makes the network call {with_sticker} of the other classes’ test images "
        "“{name}”; without a sticker it calls {without} of them so.",
        "subtitle": "Heatmaps of every class, methods compared",
        "contents": "Contents",
        "model": "Model",
        "data": "Data",
        "date": "Date",
        "accuracy": "Accuracy",
        "accuracy_of": "of {count} test images called right (95% interval {low} to {high})",
        "accuracy_of_one": "of {count} test image called right (95% interval {low} to {high})",
        "finding": "Finding",
        "highlights": "What spoke for the class that the network saw",
        "highlight": "{label}, called {called} ({probability})",
        "highlight_stickered": "{label} with a sticker, called {called} ({probability})",
        "reading": "How to read a heatmap",
        "read_heatmap": "A heatmap shows for every pixel how much it contributed to what the network said. It asks "
        "about one class: here always the one that the network called the image.",
        "read_colours": "Red speaks for this class, blue against it, white does neither. The stronger the colour, the"
        " stronger the contribution.",
        "read_scale": "Each method has its own scale, symmetric around zero and the same in all rows of a class. "
        "Within a column equal colours mean equal strength; between columns compare the places, not the strength. "
        "The scale ends where 99.5% of the pixels lie below; what is stronger has the full colour.",
        "read_rows": "The rows of a class: a typical image; the one that was called right with the least confidence; "
        "the one that was called wrong with the most; one with a sticker, where there are any. The row of means is "
        "over all images of the class that were explained, and has a scale of its own.",
        "read_controls": "A heatmap shows what the network reacts to, not whether it is right, and two methods may "
        "disagree. The scores tell how far to trust a method. Controls know nothing of the network: a method that "
        "scores no better than they do tells nothing about it.",
        "for": "for the class",
        "against": "against it",
        "image": "Image",
        "heatmap": "Heatmap",
        "overlay": "Both",
        "summary": "Summary",
        "accuracy_by_class": "Accuracy of each class",
        "accuracy_chart": "Each dot is the share of a class's test images that were called right, its line the 95% "
        "interval.",
        "confusions": "What is confused",
        "confusions_none": "No image was called a wrong class.",
        "confusions_note": "The pairs with the most images, of {count} images that were called wrong.",
        "true_class": "Class",
        "called": "Called",
        "images": "Images",
        "share": "Share of the class",
        "scores": "How well the methods do",
        "scores_note": "Bars are means over the images, lines their 95% intervals. Controls stand apart, in grey.",
        "scores_none": "No scores were measured.",
        "higher": "higher is better",
        "lower": "lower is better",
        "method": "Method",
        "controls": "Controls",
        "classes": "The classes",
        "class_line": "{count} test images, {accuracy} called right",
        "class_line_one": "{count} test image, {accuracy} called right",
        "class_line_none": "No test images",
        "confused_with": "Called instead: {classes}",
        "confused_never": "Never called another class.",
        "no_examples": "There are no examples of this class.",
        "typical": "Typical",
        "unsure": "Right, least confident",
        "mistaken": "Wrong, most confident",
        "stickered": "With a sticker",
        "row": "called {called}, {probability}",
        "mean": "Mean of {count} images",
        "mean_one": "Mean of {count} image",
        "mean_note": "scale of its own",
        "scale": "Scale ends at",
        "inside": "Positive relevance inside the sign",
        "score_arrow": "↑ higher is better, ↓ lower is better; bold: the best method; lines are 95% intervals.",
        "appendix": "Appendix: how LRP was set",
        "rules": "Rules",
        "rules_note": "Layer-wise relevance propagation with the composite {composite}, layer by layer from the input"
        " on.",
        "layer": "Layer",
        "type": "Type",
        "rule": "Rule",
        "parameters": "Parameters",
        "source": "Set by",
        "source_name": "name",
        "source_index": "index",
        "source_type": "type",
        "source_composite": "composite",
        "change": "Changed before",
        "change_folded": "folded into {into}",
        "change_out_of_place": "made to work out of place",
        "change_made_layer": "made a layer",
        "ledger": "Conservation",
        "ledger_note": "What each layer received and passed on of the relevance, from the output on, in units of the "
        "target logit. What is lost went to biases and stabilisers.",
        "received": "Received",
        "passed": "Passed on",
        "kept": "Kept",
        "reproduction": "Reproduction",
        "command": "Command",
        "seed": "Seed",
        "processor": "Processor",
        "seconds": "Time taken",
        "versions": "Versions",
        "fingerprints": "Fingerprints",
        "page": "Page {page} of {pages}",
        "none": "–",
        "search": "Find a class",
        "search_none": "No class has this in its name or number.",
        "show_methods": "Methods shown",
        "strength": "Overlay",
        "tile_size": "Tile size",
        "theme": "Colours",
        "theme_auto": "as the system",
        "theme_light": "light",
        "theme_dark": "dark",
        "display": "Display",
        "shortcuts": "Keys: / searches, j and k go to the next and previous class, Enter enlarges a row, ← and → turn "
        "its pages, Esc closes it.",
        "enlarge": "Enlarge",
        "close": "Close",
        "previous": "Previous row",
        "next": "Next row",
        "skip": "To the report",
        "axis": "The axis goes from {low} to {high}.",
    },
    "de": {
        "title": "Worauf das Netz schaut",
        "test_images": "{name}, {count} Testbilder",
        "test_images_one": "{name}, {count} Testbild",
        "drawn_images": "{count} von xaisigns gezeichnete Testbilder",
        "drawn_images_one": "{count} von xaisigns gezeichnetes Testbild",
        "truth_sticker": "Aufkleber",
        "truth_roi": "Schild",
        "sticker_finding": "Mit einem schwarzen Aufkleber hält das Netz {with_sticker} der Testbilder anderer Klassen "
        "für „{name}“, ohne Aufkleber {without}.",
        "subtitle": "Heatmaps aller Klassen, Verfahren im Vergleich",
        "contents": "Inhalt",
        "model": "Modell",
        "data": "Daten",
        "date": "Datum",
        "accuracy": "Genauigkeit",
        "accuracy_of": "von {count} Testbildern richtig erkannt (95‑%‑Intervall {low} bis {high})",
        "accuracy_of_one": "von {count} Testbild richtig erkannt (95‑%‑Intervall {low} bis {high})",
        "finding": "Befund",
        "highlights": "Was für die Klasse sprach, die das Netz erkannt hat",
        "highlight": "{label}, erkannt als {called} ({probability})",
        "highlight_stickered": "{label} mit Aufkleber, erkannt als {called} ({probability})",
        "reading": "So liest man eine Heatmap",
        "read_heatmap": "Eine Heatmap zeigt für jedes Pixel, wie viel es zur Antwort des Netzes beigetragen hat. Sie "
        "gilt für eine Klasse: hier immer für die, die das Netz in dem Bild erkannt hat.",
        "read_colours": "Rot spricht für diese Klasse, Blau dagegen, Weiß weder noch. Je kräftiger die Farbe, desto "
        "stärker der Beitrag.",
        "read_scale": "Jedes Verfahren hat seine eigene Skala, symmetrisch um null und in allen Zeilen einer Klasse "
        "dieselbe. Innerhalb einer Spalte bedeuten gleiche Farben gleiche Stärke; zwischen den Spalten lassen "
        "sich nur die Orte vergleichen, nicht die Stärken. Die Skala endet bei dem Wert, unter dem 99,5\u202f% der "
        "Pixel liegen; was stärker ist, hat die volle Farbe.",
        "read_rows": "Die Zeilen einer Klasse: ein typisches Bild; das richtig erkannte, bei dem das Netz am "
        "unsichersten war; das falsch erkannte, bei dem es am sichersten war; eines mit Aufkleber, falls es "
        "solche gibt. Die Mittelwerte in der letzten Zeile gehen über alle erklärten Bilder der Klasse und haben eine "
        "eigene Skala.",
        "read_controls": "Eine Heatmap zeigt, worauf das Netz reagiert, nicht, ob es recht hat, und zwei Verfahren "
        "können sich widersprechen. Wie weit man einem Verfahren trauen kann, sagen die Kennzahlen. Kontrollen "
        "wissen nichts vom Netz: Ein Verfahren, das nicht besser abschneidet als sie, sagt nichts über das Netz.",
        "for": "für die Klasse",
        "against": "dagegen",
        "image": "Bild",
        "heatmap": "Heatmap",
        "overlay": "Beides",
        "summary": "Überblick",
        "accuracy_by_class": "Genauigkeit nach Klassen",
        "accuracy_chart": "Jeder Punkt ist der Anteil der richtig erkannten Testbilder einer Klasse, die Linie sein "
        "95‑%‑Intervall.",
        "confusions": "Was verwechselt wird",
        "confusions_none": "Kein Bild wurde falsch erkannt.",
        "confusions_note": "Die häufigsten Verwechslungen. Falsch erkannte Bilder insgesamt: {count}.",
        "true_class": "Klasse",
        "called": "Erkannt als",
        "images": "Bilder",
        "share": "Anteil der Klasse",
        "scores": "Wie gut die Verfahren sind",
        "scores_note": "Balken sind Mittelwerte über die Bilder, Linien ihre 95‑%‑Intervalle. Kontrollen stehen "
        "getrennt, in Grau.",
        "scores_none": "Es wurden keine Kennzahlen gemessen.",
        "higher": "höher ist besser",
        "lower": "niedriger ist besser",
        "method": "Verfahren",
        "controls": "Kontrollen",
        "classes": "Die Klassen",
        "class_line": "{count} Testbilder, {accuracy} richtig erkannt",
        "class_line_one": "{count} Testbild, {accuracy} richtig erkannt",
        "class_line_none": "Keine Testbilder",
        "confused_with": "Verwechselt mit: {classes}",
        "confused_never": "Nie für eine andere Klasse gehalten.",
        "no_examples": "Von dieser Klasse gibt es keine Beispiele.",
        "typical": "Typisch",
        "unsure": "Richtig, am unsichersten",
        "mistaken": "Falsch, am sichersten",
        "stickered": "Mit Aufkleber",
        "row": "erkannt als {called}, {probability}",
        "mean": "Mittelwert über {count} Bilder",
        "mean_one": "Mittelwert über {count} Bild",
        "mean_note": "eigene Skala",
        "scale": "Skala endet bei",
        "inside": "Positive Relevanz innerhalb des Schilds",
        "score_arrow": "↑ höher ist besser, ↓ niedriger ist besser; fett: das beste Verfahren; Linien sind "
        "95‑%‑Intervalle.",
        "appendix": "Anhang: Einstellungen der LRP",
        "rules": "Regeln",
        "rules_note": "Schichtweise Relevanzpropagation (LRP) mit der Zusammenstellung {composite}, Schicht für "
        "Schicht vom Eingang an.",
        "layer": "Schicht",
        "type": "Art",
        "rule": "Regel",
        "parameters": "Parameter",
        "source": "Bestimmt durch",
        "source_name": "Name",
        "source_index": "Nummer",
        "source_type": "Art",
        "source_composite": "Zusammenstellung",
        "change": "Zuvor geändert",
        "change_folded": "in {into} eingerechnet",
        "change_out_of_place": "arbeitet auf einer Kopie",
        "change_made_layer": "zur Schicht gemacht",
        "ledger": "Relevanzbilanz",
        "ledger_note": "Was jede Schicht an Relevanz erhielt und weitergab, vom Ausgang an, in Einheiten des "
        "Ziel-Logits. Was fehlt, ging an Bias und Stabilisierung.",
        "received": "Erhalten",
        "passed": "Weitergegeben",
        "kept": "Anteil",
        "reproduction": "Zum Nachrechnen",
        "command": "Befehl",
        "seed": "Startwert",
        "processor": "Prozessor",
        "seconds": "Dauer",
        "versions": "Versionen",
        "fingerprints": "Fingerabdrücke",
        "page": "Seite {page} von {pages}",
        "none": "–",
        "search": "Klasse suchen",
        "search_none": "Keine Klasse hat das in Namen oder Nummer.",
        "show_methods": "Gezeigte Verfahren",
        "strength": "Überlagerung",
        "tile_size": "Kachelgröße",
        "theme": "Farben",
        "theme_auto": "wie das System",
        "theme_light": "hell",
        "theme_dark": "dunkel",
        "display": "Anzeige",
        "shortcuts": "Tasten: / sucht, j und k gehen zur nächsten und zur vorherigen Klasse, die Eingabetaste "
        "vergrößert eine Zeile, ← und → blättern von Zeile zu Zeile, Esc schließt die Ansicht.",
        "enlarge": "Vergrößern",
        "close": "Schließen",
        "previous": "Vorherige Zeile",
        "next": "Nächste Zeile",
        "skip": "Zum Bericht",
        "axis": "Die Achse reicht von {low} bis {high}.",
    },
}


# The metrics that a report shows: their label, and one sentence that says what is measured.
METRIC_WORDS: dict[Language, dict[str, tuple[str, str]]] = {
    "en": {
        "relevance_mass_grown": (
            "Relevance on the {truth}",
            "Share of the positive relevance that lies on the {truth} or up to 2 pixels beside it.",
        ),
        "pointing_game_grown": (
            "Strongest pixel on the {truth}",
            "Share of the images whose most relevant pixel lies on the {truth} or up to 2 pixels beside it.",
        ),
        "localisation_auc_grown": (
            "Pixels of the {truth} first",
            "How likely a pixel of the {truth} is more relevant than another one; 0.5 is chance.",
        ),
        "flipping_area": (
            "Faithfulness",
            "How much later the class goes when the least relevant pixels are replaced first; 0 is chance.",
        ),
        "sparseness": ("Sparseness", "How few pixels hold the relevance (Gini index)."),
    },
    "de": {
        "relevance_mass_grown": (
            "Relevanz auf dem {truth}",
            "Anteil der positiven Relevanz, der auf dem {truth} oder bis zu 2 Pixel daneben liegt.",
        ),
        "pointing_game_grown": (
            "Stärkstes Pixel auf dem {truth}",
            "Anteil der Bilder, deren relevantestes Pixel auf dem {truth} oder bis zu 2 Pixel daneben liegt.",
        ),
        "localisation_auc_grown": (
            "Pixel auf dem {truth} zuerst",
            "Wie wahrscheinlich ein Pixel auf dem {truth} relevanter ist als ein anderes; 0,5 entspricht dem Zufall.",
        ),
        "flipping_area": (
            "Treue zum Netz",
            "Wie viel später die Klasse verschwindet, wenn die unwichtigsten Pixel zuerst ersetzt werden; 0 "
            "entspricht dem Zufall.",
        ),
        "sparseness": ("Konzentration", "Auf wie wenigen Pixeln die Relevanz liegt (Gini-Index)."),
    },
}


def counted(words: Mapping[str, str], key: str, count: int, language: Language, **blanks: Any) -> str:
    """The text ``key`` with its ``{count}`` and other blanks filled; of a single thing it is the text ``key_one``."""
    return words[f"{key}_one" if count == 1 else key].format(count=whole(count, language), **blanks)


def told_change(change: Mapping[str, str | None] | None, language: Language) -> str:
    """What canonization does to a layer, as ``rule_table`` says it; empty where it does nothing."""
    return "" if change is None else WORDS[language][f"change_{change['kind']}"].format(into=change["into"])


def plain(text: str) -> str:
    """A text on one line, without what no page can hold, or what turns the direction of a line of it.

    That is controls, surrogates, XML's two exceptions, and overrides of the direction.
    """
    kept = (" " if one in _NOT_ON_A_PAGE or unicodedata.category(one) in ("Cc", "Cs") else one for one in text)
    return " ".join("".join(kept).split())
