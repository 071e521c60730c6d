"""What a model says before the caption: "Sure! Here is the combined caption:"."""

# ruff: noqa: RUF001  # letters and marks of other scripts are meant

import re

_LABEL = (
    r"(?:captions?|descriptions?|title|summary|answers?|responses?|outputs?|results?|rewrite"
    r"|alt[ -]text"
    r"|bildunterschrift|beschreibung|bildbeschreibung|antwort|ergebnis|légende|réponse|résultat"
    r"|descripción|leyenda|respuesta|resultado|pie de foto|didascalia|descrizione|risposta"
    r"|risultato"
    r"|legenda|descrição|resposta|onderschrift|bijschrift|beschrijving|antwoord|resultaat|podpis"
    r"|opis"
    r"|odpowiedź|wynik|подпись|описание|ответ|результат)"
)
_CAPTION = (
    rf"(?:{_LABEL}|sentences?|paragraph|version|rewording|text|prompt|rendition|take|attempt|merge"
    r"|combination|one|fassung|satz|phrase|texte|título|frase|texto|versión|testo|versão|tekst"
    r"|текст"
    r"|подписи|описания)"
)
_QUALITY = (
    r"(?:(?:the|a|an|my|your|our|this|final|combined|merged|new|updated|revised|rewritten|improved"
    r"|single|complete|unified|fused|image|photo|clear|concise|short|detailed|full|enhanced"
    r"|corrected|integrated|cohesive|coherent|polished|refined|resulting|possible|suggested"
    r"|requested|one|generated|synthesi[sz]ed|manual|vlm|joint|shortened|cleaned|better"
    r"|(?:die|der|das|eine?|meine?|kombinierte|neue|finale|endgültige|überarbeitete"
    r"|zusammengeführte"
    r"|la|le|une?|voici|ma|votre|combinée?|fusionnée?|finale?|nouvelle|révisée?|unifiée?|el|una?"
    r"|combinad[ao]|fusionad[ao]|nuev[ao]|unificad[ao]|revisad[ao]|il|lo|combinat[ao]|unit[ao]"
    r"|nuov[ao]|unificat[ao]|o|um|uma|nov[ao]|final|het|de|een|gecombineerde|samengevoegde"
    r"|nieuwe|definitieve|połączony|nowy|ostateczny|объединённая|объединенная|общая|новая"
    r"|итоговая|финальная|объединенное|объединённое|итоговое|новое))[\s-]+)"
)
_WORDS = r"[^\n:：]{0,140}?"

_AGREEMENT = (
    r"(?:(?:sure|of course|certainly|absolutely)[,!] (?:i|let)\b[^\n.!?:]{0,60}|sure(?: thing)?"
    r"|certainly|of course|absolutely|definitely|alright(?: then)?|understood"
    r"|no problem|gladly|with pleasure|happy to help|right away|sounds good"
    r"|(?:i'd|i would) be (?:happy|glad) to help(?: with that)?|thank(?:s"
    r"| you) for [^\n.!?:]{0,60}|gerne?|natürlich|selbstverständlich"
    r"|alles klar|bien sûr|d'accord|certainement|avec plaisir|volontiers|claro que sí|por supuesto"
    r"|desde luego|con gusto|certamente|naturalmente|d'accordo|com certeza|natuurlijk|uiteraard"
    r"|graag gedaan|graag|oczywiście|конечно|разумеется|当然可以|当然|好的|没问题|沒問題"
    r"|もちろん(?:です)?|承知(?:し|いたし)ました|わかりました|かしこまりました|물론(?:입니다|이죠"
    r"|이에요)?|알겠습니다)"
)
_GREETING = (
    r"(?:okay|ok|all right|got it|great(?: question)?|perfect|yes|hi(?: there)?|hello(?: there)?"
    r"|very well|noted|thank you|thanks|klar|sicher|très bien|entendido|certo|ecco(?: qua)?|va bene"
    r"|claro|zeker|jasne|pewnie|хорошо|понятно|可以|明白了?|はい|네)"
)
_HERE = (
    r"(?:(?:so|and|now),? )?(?:here(?:'s| is| are| you go| it is|'s how)|below is|this is"
    r"|the following is"
    r"|i(?:'ve| have)? (?:combined|merged|rewritten|rewrote|written|wrote|created|crafted|revised"
    r"|made"
    r"|prepared|came up)|i (?:would|'d) (?:write|suggest|propose|caption|say)|i suggest|i propose"
    r"|let me|my (?:answer|caption|suggestion)|(?:based on|using|given|from|after|combining"
    r"|considering"
    r"|taking|by combining|with|to combine|following|according to|drawing)\b"
    r"|hier (?:ist|sind|kommt|die|das|folgt|is|zijn|volgt)|voici|voilà|ci-dessous|aquí (?:está"
    r"|tienes|tiene|va|te)"
    r"|esta es|este es|ecco|questa è|di seguito|aqui (?:está|vai)|segue|eis|esta é|oto|poniżej"
    r"|вот|ниже"
    r"|based upon|as requested|as per)"
)
_EAST = (
    r"[^\n:：。.]{0,50}?"
    r"(?:描述|说明|說明|标题|標題|字幕|图注|文字|句子|结果|結果|版本|内容|キャプション|説明文?"
    r"|文章|です|캡션|설명|결과|문장|입니다)"
    r"[^\n:：。.]{0,20}[:：]\s*"
)

_AS_FOLLOWS_JAPANESE = (
    r"(?:[^\n:：。]{0,20}(?:キャプション|説明文?|文章)は、?(?:以下|次|下記)の(?:通り|とおり|ように)"
    r"|(?:以下|次|下記|こちら)[がは][^\n:：。]{0,20}(?:キャプション|説明文?|文章))"
    r"(?:です|になります|となります)[。：:]\s*"
)

INTERJECTION = re.compile(
    rf"\s*(?:{_AGREEMENT}(?:\s*[!.。！…]+|\s*[,，、:：\u2014-]+|\s*\n)"
    rf"|ok(?:ay)?\s*\.\s+|{_GREETING}(?:\s*[!。！:：]+|\s*\n|\s*[,.，、\u2014-]+\s*(?={_HERE}\b)))"
    r"\s*(?:[\U0001f300-\U0001faff]\s*)*",
    re.IGNORECASE,
)
"""Matches "Sure! " at the start of an answer."""

HEAD = re.compile(
    r"\s*(?:"
    rf"{_HERE}{_WORDS}\b{_CAPTION}\b{_WORDS}[:：]\s*"
    r"|(?:here(?:'s| is| are| you go| it is| goes)|voici|voilà|ecco(?:la|lo)?|aquí (?:está|tienes"
    r"|va)"
    r"|aqui está|hier(?: ist sie| is het)?|вот|oto|i(?:'ve| have)? (?:combined|merged) (?:them"
    r"|both|these))"
    r"\s*[:：]\s*"
    rf"|(?:#{{1,6}}[ \t]*|\*\*){_QUALITY}{{0,5}}{_CAPTION}[*:： \t]*\n\s*"
    rf"|{_HERE}{_WORDS}\b{_CAPTION}\b[^\n:：.]{{0,60}}\.?[ \t]*\n\s*"
    r"|here (?:you go|it is)\s*[!.:]\s*"
    rf"|(?:{_LABEL}|{_QUALITY}{{1,5}}{_CAPTION})(?: \([^)\n]{{0,40}}\))?(?: \d)?(?: (?:of|for|de"
    rf"|der|des|des Bildes|van|w|to)"
    r" [^\n:：]{0,40})?(?: (?:is|are|reads|would be|would read|could be|might be|ist|lautet|est"
    r"|es|è|é|luidt|to))?"
    r"(?: (?:as follows|the following|folgende|suivante?))?\s*[:：]\s*"
    rf"|{_QUALITY}{{1,5}}{_CAPTION} (?:is|reads|would be|would read|could be|lautet|est|es|è|é"
    rf"|luidt)\s*[:：]?\s*"
    r"(?=[\"'\u201c\u00ab\u201e])"
    rf"|{_QUALITY}{{1,5}}{_CAPTION}\s*\n\s*"
    rf"|{_EAST}"
    rf"|{_AS_FOLLOWS_JAPANESE}"
    rf"|[^\n:：.]{{0,100}}\b{_LABEL}\b[^\n:：.]{{0,80}}[:：]\s*\n\s*"
    r"|let(?:'s| me) (?:combine|merge|write|create|put)[^\n:.]{0,60}:\s*"
    r"|(?:combined|merged|final|revised|rewritten|updated|fused|unified)\s*[:：]\s*"
    r"|(?:assistant|ai|bot|chatgpt|gpt|claude)\s*[:：]\s*|(?:assistant|model)\s*\n\s*"
    r")",
    re.IGNORECASE,
)
"""Matches "Here is the caption:" or a label at the start of an answer."""

BASIS = re.compile(
    r"\s*(?:based (?:up)?on|using|given|according to|combining|considering|as (?:described|stated"
    r"|per)"
    r"|from|per|in|drawing (?:on|from)|by combining|after combining|merging|following|basierend auf"
    r"|auf (?:der )?grundlage|laut|selon|d'après|sur la base|según|basado en|con base en|in base a"
    r"|secondo|com base|de acordo|segundo|op basis van|volgens) "
    r"[^\n,.:：]{0,80}?\b(?:manual|vlm|provided|given|sources?|captions|inputs?|two descriptions"
    r"|both descriptions|quellen|angaben|beschreibungen|sources|légendes|descriptions fournies"
    r"|fuentes"
    r"|descripciones|fonti|didascalie|fontes|legendas|bronnen|bijschriften)\b[^\n,.:：]{0,60}?,\s*",
    re.IGNORECASE,
)
"""Matches "Based on the two captions, " at the start of an answer: what follows is a caption."""

LEFT = re.compile(
    r"\b(?:the )?(?:manual|vlm|provided|source|both|machine)[ _-](?:\w+ ){0,1}?(?:captions?"
    r"|descriptions?"
    r"|sources)\b"
    r"|\b(?:the )?(?:first|second|original|human|given|two|combined|merged) (?:captions?"
    r"|descriptions?"
    r"|sources)(?=,| (?:and|says?|states?|mentions?|describes?|does|provided|given|into|above"
    r"|together)\b)"
    r"|\bcaption (?:that|which) (?:combines|merges|keeps|incorporates)\b"
    r"|\bhere(?:'s| is) (?:the|a|an|your|my) (?:\w+ ){0,3}(?:caption|description)\b"
    r"|(?:^|[.!?] )(?:sure|certainly|of course|absolutely)[!,] ",
    re.IGNORECASE,
)
"""Matches talk about the task that is left within an answer."""
