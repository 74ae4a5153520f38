"""The 43 classes of the German Traffic Sign Recognition Benchmark, in its own order."""

from typing import NamedTuple

from xaisigns.base.bounds import shown, whole
from xaisigns.base.language import Language
from xaisigns.errors import DataError


class SignClass(NamedTuple):
    """A class by its number and its German and English name (names after the German road traffic act, StVO)."""

    id: int
    german: str
    english: str

    def name(self, language: Language) -> str:
        """The name in the wanted language."""
        return self.german if language == "de" else self.english


CLASSES = tuple(
    SignClass(number, german, english)
    for number, (german, english) in enumerate(
        [
            ("Zulässige Höchstgeschwindigkeit 20 km/h", "Speed limit 20 km/h"),
            ("Zulässige Höchstgeschwindigkeit 30 km/h", "Speed limit 30 km/h"),
            ("Zulässige Höchstgeschwindigkeit 50 km/h", "Speed limit 50 km/h"),
            ("Zulässige Höchstgeschwindigkeit 60 km/h", "Speed limit 60 km/h"),
            ("Zulässige Höchstgeschwindigkeit 70 km/h", "Speed limit 70 km/h"),
            ("Zulässige Höchstgeschwindigkeit 80 km/h", "Speed limit 80 km/h"),
            ("Ende der zulässigen Höchstgeschwindigkeit 80 km/h", "End of speed limit 80 km/h"),
            ("Zulässige Höchstgeschwindigkeit 100 km/h", "Speed limit 100 km/h"),
            ("Zulässige Höchstgeschwindigkeit 120 km/h", "Speed limit 120 km/h"),
            ("Überholverbot", "No overtaking"),
            ("Überholverbot für Kraftfahrzeuge über 3,5 t", "No overtaking by vehicles over 3.5 t"),
            ("Vorfahrt an der nächsten Kreuzung", "Priority at the next crossing"),
            ("Vorfahrtstraße", "Priority road"),
            ("Vorfahrt gewähren", "Give way"),
            ("Halt! Vorfahrt gewähren", "Stop"),
            ("Verbot für Fahrzeuge aller Art", "Closed to all vehicles"),
            ("Verbot für Kraftfahrzeuge über 3,5 t", "No vehicles over 3.5 t"),
            ("Verbot der Einfahrt", "No entry"),
            ("Gefahrstelle", "General danger"),
            ("Kurve (links)", "Bend to the left"),
            ("Kurve (rechts)", "Bend to the right"),
            ("Doppelkurve (zunächst links)", "Double bend, first to the left"),
            ("Unebene Fahrbahn", "Uneven road"),
            ("Schleuder- oder Rutschgefahr", "Slippery road"),
            ("Einseitig verengte Fahrbahn (rechts)", "Road narrows on the right"),
            ("Arbeitsstelle", "Road works"),
            ("Lichtzeichenanlage", "Traffic signals"),
            ("Fußgänger", "Pedestrians"),
            ("Kinder", "Children"),
            ("Radverkehr", "Cyclists"),
            ("Schnee- oder Eisglätte", "Snow or ice"),
            ("Wildwechsel", "Wild animals crossing"),
            ("Ende sämtlicher Streckenverbote", "End of all restrictions"),
            ("Vorgeschriebene Fahrtrichtung: rechts", "Turn right ahead"),
            ("Vorgeschriebene Fahrtrichtung: links", "Turn left ahead"),
            ("Vorgeschriebene Fahrtrichtung: geradeaus", "Ahead only"),
            ("Vorgeschriebene Fahrtrichtung: geradeaus oder rechts", "Ahead or right only"),
            ("Vorgeschriebene Fahrtrichtung: geradeaus oder links", "Ahead or left only"),
            ("Vorgeschriebene Vorbeifahrt: rechts vorbei", "Keep right"),
            ("Vorgeschriebene Vorbeifahrt: links vorbei", "Keep left"),
            ("Kreisverkehr", "Roundabout"),
            ("Ende des Überholverbots", "End of no overtaking"),
            ("Ende des Überholverbots für Kraftfahrzeuge über 3,5 t", "End of no overtaking by vehicles over 3.5 t"),
        ]
    )
)

CLASS_NAMES: dict[Language, list[str]] = {
    "de": [sign.german for sign in CLASSES],
    "en": [sign.english for sign in CLASSES],
}


def check_class(class_id: int) -> None:
    """Raise DataError for a class that GTSRB does not have."""
    if whole(class_id, 0, len(CLASSES) - 1) is None:
        raise DataError(f"class {shown(class_id)} does not exist; GTSRB's classes are 0 to {len(CLASSES) - 1}")
