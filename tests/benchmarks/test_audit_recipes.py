from collections import Counter

from benchmarks.audit_recipes import LARGE_CLASSES, NAMED, SHARES, recipes


def test_there_are_as_many_models_of_each_kind_as_the_bench_needs():
    made = recipes()
    assert Counter(recipe.name[0] for recipe in made) == {"N": 12, "P": 42, "C": 50}
    assert len({recipe.name for recipe in made}) == len({recipe.seed for recipe in made}) == 104


def test_every_sticker_has_every_share_three_times_each_time_on_another_class():
    naming = [planted for recipe in recipes() if recipe.name[0] == "N" for planted in recipe.planted]
    classes = Counter((planted.feature, planted.share) for planted in naming)
    assert classes == dict.fromkeys([(feature, share) for feature in NAMED for share in SHARES], 3)
    assert len({(planted.feature, planted.class_id) for planted in naming}) == len(naming)
    assert {planted.class_id for planted in naming} <= set(LARGE_CLASSES)
    assert all({one.share for one in recipe.planted} == set(SHARES) for recipe in recipes() if recipe.name[0] == "N")


def test_a_class_carries_one_feature_in_a_model():
    for recipe in recipes():
        assert len({planted.class_id for planted in recipe.planted}) == len(recipe.planted)


def test_the_first_of_every_kind_set_thresholds():
    setting = Counter(recipe.name[0] for recipe in recipes() if recipe.sets_thresholds)
    assert setting == {"N": 9, "P": 14, "C": 30}
    planted = [recipe.planted[0] for recipe in recipes() if recipe.name[0] == "P"]
    assert Counter(one.feature.kind for one in planted) == {"sticker": 32, "tint": 4, "border": 3, "jpeg": 3}
