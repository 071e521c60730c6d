"""What a model says after the caption: "Let me know if you would like changes!"."""

# ruff: noqa: RUF001  # letters and marks of other scripts are meant

import re

_TASK = (
    r"(?:captions?|descriptions?|sources?|manual|vlm|trigger ?words?|instructions?|guidelines?"
    r"|input"
    r"|original|output|answer|response|facts?|details?|names?|numbers?|wording|contradict\w*"
    r"|preserv\w*"
    r"|combin\w*|merg\w*|kept|keep|retain\w*|incorporat\w*|omitt?\w*|unusual word|requested"
    r"|words?\b"
    r"|added?|removed?|changed?|assum\w*|interpret\w*|image itself|exactly as)"
)
_ENGLISH = (
    r"(?:please |just |do |feel free to )?let me know\b",
    r"feel free to\b",
    r"(?:i )?hope (?:this|that|it|you|i)\b",
    r"(?:if|should) you(?:'d| would| need| want| have| require| prefer| wish|'re"
    r"| are)\b[^.!?\n]{0,120}"
    r"\b(?:i|me|let|ask|please|feel free|know|help|adjust|provide|happy|can)\b",
    r"(?:want|shall|should|may) (?:me|i)\b|(?:would|do) you (?:like|want|need|prefer) (?:me|to"
    r"|any|an?|the|this|another|more|some|changes|help"
    r"|further|it|that)\b|is there anything\b|(?:is|does) this (?:work|ok|what)\b"
    r"|how(?:'s| is| does) (?:that|this)\b|can i help\b|what (?:else|do you think)\b"
    r"|(?:anything|something) else\b",
    r"i(?:'m| am|'d| would|'ll| will) (?:be )?(?:happy|glad|here|available|always)\b",
    r"(?:you'?re|you are) welcome\b|thank(?:s| you)(?: so much| very much)?(?: for (?:your|the"
    r"|providing|sharing)\b[^\n.!]{0,40})?[.,!]|happy (?:captioning|to (?:help|assist|adjust"
    r"|revise|make))\b"
    r"|enjoy!|good luck\b|cheers!|have a (?:great|nice|good) (?:day|one|time)[.!]",
    rf"\(?(?:please |important |side |quick |editor'?s )?(?:n\.?b\.?|note|notes|remark|disclaimer"
    rf"|p\.?s\.?)(?: that|:)[^\n]{{0,300}}?\b(?:i|we|{_TASK})\b",
    r"please note\b",
    r"\(?(?:explanation|rationale|reasoning|justification|analysis|key changes?|changes(?: made)?"
    r"|modifications?|breakdown|word count|words|character count|length|tokens?|sources? used"
    r"|confidence|keywords|tags|alternatives?|alternatively|or alternatively|option \w|version \w)"
    r"\s*[:：(]",
    r"\(?(?:total )?(?:words?|tokens?|characters?)(?: count)?\s*[:=]\s*\d+",
    r"\W*end of (?:the )?(?:caption|output|response|answer)\b",
    r"(?:the )?trigger (?:words?|phrase|terms?|tokens?)\b",
    r"no (?:other |further |additional |new )*(?:changes|details|information|facts"
    r"|words)\b[^\n.]{0,30}\b(?:made"
    r"|added|needed|included|changed|invented)\b",
    r"(?:all |every |the |both )?(?:\w+ )?(?:names?|facts?|details|numbers?|wording|dates?"
    r"|style)\b[^\n.]{0,40}"
    r"\b(?:kept|preserved|retained|unchanged|intact|maintained)\b",
    r"\(?(?:approx(?:imately|\.)? |about |total:? )?\d+ (?:words?|characters?|tokens?)\)?\W*$",
    r"\(?(?:this|the|my|the above) (?:\w+ ){0,3}?(?:caption|description|version|answer|sentence"
    r"|response|output|rewrite)\b[^\n]{0,40}?\b(?:combin|merg|keep|preserv|retain|incorporat"
    r"|includ"
    r"|captur|integrat|maintain|reflect|summari[sz]|ensur|accurate|follow|adher|avoid|use[sd]?\b"
    r"|contain|blend|fus|is based|is written|stays|remain|is now|should|provid|add[s]?\b|omit"
    r"|align"
    r"|satisf|meet)",
    r"\(?i(?:'ve| have|'m| am)?(?: also| only| not| tried to| made sure to| chose to| decided to"
    r"|'ve"
    r"| did not| didn't)* (?:kept?|combin|merg|preserv|retain|includ|add|us(?:ed|e)\b|remov|omit"
    r"|made"
    r"|tri(?:ed|ves)|ensur|integrat|incorporat|avoid|follow|rewr|chang|chose|adher|maintain|focus"
    r"|assum"
    r"|left|ignor|correct|treated|prioriti|simplif|interpret|invent|mention)",
    r"\(?(?:the )?(?:first|second|original)\b[^\n]{0,60}?\b(?:captions?|descriptions?"
    r"|sources)\b[^\n]{0,80}?"
    r"\b(?:kept|keep|preserv|retain|contradict|states?|says?|said|mention|provid|support|combin"
    r"|merg)",
    r"\(?(?:the )?(?:manual|vlm|trigger word|both)\b[^\n]{0,60}?\b(?:captions?"
    r"|descriptions?|trigger ?word|sources)\b[^\n]{0,80}?\b(?:kept|keep|preserv|retain|contradict"
    r"|states?|says?|said|mention|were|was|is|are|provid|support|combin|merg)",
    r"\(?this (?:combin|merg|keep|preserv|retain|incorporat|integrat|maintain|adher)\w*",
    r"\(?(?:both sources|all (?:facts|details|names|numbers))\b",
    r"as (?:requested|instructed|per your)\b",
)
_MORE = (
    r"(?:ich hoffe|lassen sie (?:es )?mich|lass mich|sag(?:en sie)? mir|gib mir"
    r"|geben sie mir bescheid"
    r"|wenn sie|falls (?:sie|du)|möchten sie|möchtest du|kann ich (?:ihnen|dir)|gerne kann ich)\b",
    r"\(?(?:hinweis|anmerkung|bemerkung|erklärung|remarque|note|nota|explication|explicación"
    r"|spiegazione|observação|explicação|opmerking|uitleg|toelichting|uwaga|wyjaśnienie"
    r"|примечание|пояснение|объяснение|注|注意|备注|備註|说明|說明|解释|解釋|補足|注記|참고|설명"
    r"|주의)\s?[:：]",
    r"(?:j'espère|n'hésitez pas|n'hésite pas|dites-moi|dis-moi|faites-moi|si vous (?:souhaitez"
    r"|voulez|avez"
    r"|désirez)|souhaitez-vous|voulez-vous|y a-t-il|puis-je)\b",
    r"(?:espero que|no dudes|no dude|avísame|avíseme|hazme saber|dime si|dígame|si (?:quieres"
    r"|deseas|necesitas"
    r"|desea|necesita|quiere)|¿(?:quieres|quiere|te|le|hay|necesitas|puedo|algo))",
    r"(?:spero che|fammi sapere|mi faccia sapere|non esitare|se (?:vuoi|desideri|hai bisogno"
    r"|preferisci)"
    r"|vuoi che|desideri)\b",
    r"(?:me avise|avise-me|me diga|não hesite|se (?:quiser|precisar|desejar)|gostaria"
    r"|posso ajudar|fico à)\b",
    r"(?:laat (?:het )?me weten|ik hoop|hopelijk|als je (?:wilt|nog|vragen)|indien u|wil je|wilt u"
    r"|heb je nog)\b",
    r"(?:mam nadzieję|daj (?:mi )?znać|proszę dać|jeśli (?:chcesz|potrzebujesz)|czy (?:chcesz"
    r"|mogę))\b",
    r"(?:надеюсь|дайте (?:мне )?знать|если (?:хотите|вам|нужно|у вас|вы)|хотите|сообщите)\b",
    r"(?:希望(?:这|這|对|對|能)|如果(?:您|你|需要|有)|如有|如需|请(?:告诉|随时|問|问)|請(?:告訴"
    r"|隨時)|您(?:觉得|還|还)"
    r"|以上(?:是|就是|描述|说明)|(?:这|這|该|此)(?:段|个|個|句)?(?:描述|说明|說明|标题|字幕"
    r"|句子)(?:结合|融合|保留|整合|合并|包含)"
    r"|(?:我|已)(?:保留|结合|合并|融合|添加|删除|将))",
    r"(?:ご(?:参考|不明|質問|希望|要望)|何か(?:ご|ほか|他)|他に|お役に立|必要(?:であれば|でしたら"
    r"|に応じ)|もし(?:ご|修正|変更)"
    r"|(?:この|上記の?)(?:キャプション|説明文?)は)",
    r"(?:도움이 되|필요하(?:시|면)|추가(?:로|적인)|더 (?:필요|궁금)|원하시면|이 (?:캡션|설명)은"
    r"|궁금한|언제든)",
)
RESIDUE = re.compile("(?:" + "|".join((*_ENGLISH, *_MORE)) + ")", re.IGNORECASE)
"""Matches talk to the user at the start of a sentence."""

SECTION = re.compile(
    r"\n[\s*_#>(\[-]*(?:(?:please |important )?notes?|explanation|rationale|reasoning"
    r"|justification|analysis"
    r"|(?:key )?changes?(?: made)?|modifications?|breakdown|word count|sources?(?: used)?"
    r"|comments?|details"
    r"|what (?:i|was) (?:changed|kept|added)|(?:key )?facts?(?: (?:kept|used|preserved))?"
    r"|alternatives?"
    r"|alternatively|hinweis|anmerkung|erklärung|remarque|explication|nota|explicación"
    r"|spiegazione|observação"
    r"|explicação|opmerking|uitleg|toelichting|uwaga|примечание|пояснение|说明|說明|注|备注|解释"
    r"|補足|注記|참고|설명)"
    r"[\s*_]{0,4}(?:\([^)\n]*\)\s*)?[:：]",
    re.IGNORECASE,
)
"""Matches the heading of a paragraph about the caption: all that follows is about it."""

ORNAMENT = re.compile(
    r"(?:\s*+[\u2600-\u27bf\u2b50\ufe0f\u200d\U0001f1e6-\U0001faff]++|\s++#\w++(?=\s|$))++\s*+\Z"
)
"""Matches emoji and hashtags at the end; possessive, as every way to part a row would be tried."""

SPECIAL = re.compile(
    r"<[|｜][^<>|｜\n]{1,40}[|｜]>|</?s>|<(?:eos|bos|pad|unk|end_of_turn|start_of_turn|end"
    r"|end_of_text"
    r"|endoftext|eot|eod|mask|sep|cls|image|img|eop|im_end|im_start|sys)>|\[/?INST\]|<</?SYS>>"
    r"|\[(?:EOS|BOS|PAD|SEP|CLS|UNK|END)\]|<0x[0-9A-F]{2}>|<extra_id_\d+>|<unused\d+>"
)
"""Matches a token that frames a chat."""

END_TOKEN = re.compile(
    r"<[|｜](?:im_end|eot_id|eom_id|end|endoftext|end_of_text|eos|END_OF_TURN_TOKEN|end▁of▁sentence"
    r"|return|user|im_start|start_header_id|User|EOT)[|｜]>|</s>|<(?:eos|end_of_turn|end_of_text"
    r"|eot|im_end|endoftext"
    r"|eod|eop)>|\[/?INST\]|\[(?:EOS|END)\]"
)
"""Matches a token at which an answer ends: what follows is another turn."""

HEADER = re.compile(
    r"\s*(?:<[|｜](?:im_start|start_header_id|start|assistant|Assistant|channel|message|bos"
    r"|begin_of_text"
    r"|end_header_id|CHATBOT_TOKEN|START_OF_TURN_TOKEN|begin▁of▁sentence)[|｜]>|<(?:bos"
    r"|start_of_turn|s)>|\[/INST\])"
    r"\s*(?:(?:assistant|model|final|system)\b\s*)*"
)
"""Matches the head of a turn."""

ROLE = re.compile(
    r"(?:^(?=user|assistant)|\n)[ \t]*(?:#{1,4} ?)?(?:\*\*)?(?:user|human|assistant|system"
    r"|instruction"
    r"|response|input|model)(?:\*\*)?[ \t]*:(?:\*\*)?(?=\s|$)"
    r"|\n[ \t]*#{1,4} ?(?:instruction|response|input|user|assistant|question|human"
    r"|system)s?\b[ \t]*:?"
    r"|\n[ \t]*(?:user|assistant|human|model|system)[ \t]*(?=\n|$)",
    re.IGNORECASE,
)
"""Matches the label of another turn at the start of a line."""
