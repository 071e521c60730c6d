"""Is a caption in the language that was asked for?"""

# ruff: noqa: RUF001  # letters and marks of other scripts are meant

import pytest

from capenh_pipeline.domain.fusion.languages import wrong_language
from capenh_pipeline.domain.fusion.sources import Sources

SOURCES = Sources("sks dog Rosalind, Brighton beach", (), ("sks",))
IN = {
    "en": "A brown dog runs on the beach with a red ball in its mouth.",
    "de": "Ein brauner Hund läuft mit einem roten Ball im Maul am Strand entlang.",
    "fr": "Un chien brun court sur la plage avec une balle rouge dans la gueule.",
    "es": "Un perro marrón corre por la playa con una pelota roja en la boca.",
    "it": "Un cane marrone corre sulla spiaggia con una palla rossa in bocca.",
    "pt": "Um cão castanho corre na praia com uma bola vermelha na boca.",
    "nl": "Een bruine hond rent over het strand met een rode bal in zijn bek.",
    "pl": "Brązowy pies biegnie po plaży z czerwoną piłką w pysku.",
    "ru": "Коричневая собака бежит по пляжу с красным мячом в зубах.",
    "uk": "Коричневий собака біжить по пляжу з червоним м'ячем у зубах.",
    "zh": "一只棕色的狗嘴里叼着红色的球在沙滩上奔跑。",
    "ja": "茶色い犬が赤いボールをくわえて浜辺を走っている。",
    "ko": "갈색 개가 빨간 공을 물고 해변을 달리고 있다.",
    "ar": "كلب بني يركض على الشاطئ ومعه كرة حمراء",
    "tr": "Kahverengi bir köpek ağzında kırmızı bir top ile plajda koşuyor ve denize bakıyor.",
}


@pytest.mark.parametrize("language", IN)
def test_a_caption_in_the_language_passes_and_all_others_are_found(language):
    for other, caption in IN.items():
        found = wrong_language(caption, SOURCES, language)
        assert (found is None) == (other == language), (other, found)


def test_the_fault_names_both_languages():
    assert wrong_language(IN["fr"], SOURCES, "en") == "it is in French, not English"


@pytest.mark.parametrize(
    "answer",
    [
        "Rosalind der sks Hund steht am Strand von Brighton mit 3 roten Bällen.",
        "Le chien sks Rosalind sur la plage de Brighton.",
        "El perro sks Rosalind en la playa de Brighton con tres pelotas rojas.",
        "Rosalind il cane sks è sulla spiaggia di Brighton con 3 palle rosse.",
        "O cão sks Rosalind na praia de Brighton com 3 bolas vermelhas.",
        "De sks hond Rosalind staat op het strand van Brighton met 3 rode ballen.",
        "sks 狗 Rosalind 在布莱顿海滩上，旁边有三个红球。",
        "sks犬のRosalindがブライトンビーチに立っている。",
        "Собака sks Rosalind стоит на пляже с тремя красными мячами.",
        "Pies sks Rosalind stoi na plaży w Brighton z 3 czerwonymi piłkami.",
        "sks 개 Rosalind가 해변에 서 있다.",
        "Hunden sks Rosalind står på stranden med 3 röda bollar.",
        "sks köpek Rosalind ve üç kırmızı top ile bir plajda duruyor.",
        "A brown dog 在海滩上 runs with a ball.",
        "A brown собака бежит по пляжу.",
    ],
)
def test_another_language_is_found_in_an_english_caption(answer):
    assert wrong_language(answer, SOURCES, "en")


@pytest.mark.parametrize(
    "caption",
    [
        "Rosalind",
        "Champs-Élysées, Paris",
        "Rosalind de la Cruz, Rio de Janeiro",
        "sks dog, red ball",
        "Der Spiegel magazine on a table",
        'A sign that says "Einfahrt freihalten" on a gate in Berlin',
        "A poster with the word 猫 on a wall in Kyoto",
        "Café au lait and a croissant on a table by the Seine",
        "El Capitan, Yosemite, at dawn",
        "1girl, solo, long_hair, blue_eyes",
    ],
)
def test_names_tags_and_quotations_are_of_no_language(caption):
    assert wrong_language(caption, SOURCES, "en") is None


def test_a_locked_term_may_be_of_any_language():
    sources = Sources("初音ミク on a stage", (), ("初音ミク",))
    assert wrong_language("初音ミク sings on a stage.", sources, "en") is None


def test_a_region_does_not_matter():
    assert wrong_language(IN["pt"], SOURCES, "pt-BR") is None
