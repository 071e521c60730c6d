"""How people tell a model what to do, inside a text that should describe an image."""

# ruff: noqa: RUF001  # letters and marks of other scripts are meant

import re

_SET_ASIDE = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overrid(?:e|ing)|bypass|neglect|discard"
    r"|set aside|cancel"
    r"|erase|drop|stop following|pay no attention to|do not (?:follow|obey)|don't (?:follow|obey)"
    r"|skip"
    r"|ignorier(?:e|en|t)?|vergiss|vergessen sie|missachte|ignorez|oublie[rsz]?|ignora[rd]?"
    r"|olvida[r]?"
    r"|olvide|dimentica(?:re)?|esque[cç]a|esquecer|desconsidere|negeer|vergeet|zignoruj|ignoruj"
    r"|zapomnij|pomiń|игнорируй(?:те)?|проигнорируй(?:те)?|забудь(?:те)?|yoksay|görmezden gel|unut"
    r"|تجاهل|अनदेखा|अबैकार|bỏ qua|abaikan|lupakan|ignoreeri|strunta i|ignorér)"
)
_TOLD = (
    r"(?:instructions?|prompts?|rules?|guidelines?|directions?|directives?|commands?|orders?"
    r"|guidance"
    r"|constraints?|everything|anything|(?:the|all|any) (?:above|previous|prior|preceding|rest"
    r"|other)"
    r"|what (?:i|you|was|were)|captions?|context|task|system|your (?:training|role)|safety"
    r"|anweisung\w*|anleitung\w*|regeln?|befehle?|vorgaben?|alles|bisherige\w*|vorherige\w*"
    r"|obige\w*"
    r"|consignes?|règles?|précédent\w*|ci-dessus|tout ce|instruccion\w*|reglas|anterior\w*"
    r"|indicacion\w*"
    r"|todo lo|istruzion\w*|regole|precedent\w*|tutto|instruç\w*|instruco\w*|regras|tudo"
    r"|instructies?"
    r"|opdracht\w*|voorgaande|vorige|regels|alles|instrukcj\w*|poleceń|polecenia|poprzedni\w*"
    r"|zasady"
    r"|инструкци\w*|указани\w*|предыдущ\w*|правил\w*|всё|все|talimat\w*|التعليمات|निर्देश\w*"
    r"|instruksi|hướng dẫn"
    r"|instruktion\w*|instruks\w*)"
)
_REPLY = (
    r"(?:say(?:ing)?|write|writing|output(?:ting)?|print|respond|reply(?:ing)?|answer|return|repeat"
    r"|translate|describe|refer|use|append|add|include|insert|mention|begin|start|end|finish"
    r"|conclude"
    r"|generate|produce|create|compose|summari[sz]e|rewrite|reveal|show|tell|list|give|encode"
    r"|decode"
    r"|replace|convert|format|display|state|caption|explain|provide|follow|obey|execute|run|rename"
    r"|put|make|prefix|quote|transform|wrap|render|call|claim|pretend|swap|change|substitute|speak"
    r"|sing|echo|emit|type|complete|spell|prepend|recite|share|leak|expose|switch|turn)"
)
_WRITING = (
    r"(?:captions?|descriptions?|words?|text|sentences?|phrase|prompts?|instructions?|answers?"
    r"|responses?"
    r"|repl(?:y|ies)|outputs?|messages?|paragraph|summary|poems?|haikus?|limerick|song|story"
    r"|essay|joke"
    r"|rhyme|sonnet|lyrics|recipe|json|html|xml|yaml|markdown|csv|sql|python|code|script|base ?64"
    r"|rot13"
    r"|hex|morse|pig latin|leet|emojis?|hashtags?|upper ?case|lower ?case|all caps"
    r"|capital letters|caps"
    r"|bullet|table|list|letters|backwards|reversed?|api key|password|secret|url|link|above"
    r"|verbatim"
    r"|english|french|german|spanish|italian|portuguese|dutch|polish|russian|chinese|japanese"
    r"|korean"
    r"|latin|klingon|arabic|hindi|pirate|shakespeare|instead|nothing (?:else|but)|yes|no|true|false"
    r"|hacked|pwned|owned|ok|sentence|exclamation|period|times|asterisks|quotes|tags?|role|tone"
    r"|reasoning|thoughts?|thinking|step by step|directory|listing|terminal"
    r"|style"
    r"|as (?:a|an|if)|person|characters?)"
)

OVERRIDE = re.compile(
    rf"(?<!\w)(?:please |now |just |you (?:must|should|will|can"
    rf"|may) )?{_SET_ASIDE} (?:[^\s.!?]+ ){{0,7}}?{_TOLD}(?!\w)",
    re.IGNORECASE,
)
"""Matches "ignore all previous instructions" anywhere."""

OVERRIDE_EAST = re.compile(
    r"(?:请|請)?(?:忽略|无视|無視|忘记|忘記|忘掉|不要理会|不理会|跳过|绕过|抛弃"
    r"|撤销)[^。！？\n]{0,16}?(?:指令|指示|说明|說明|提示|规则|規則|之前|以上|上述"
    r"|上面|前面|所有|一切|要求)"
    r"|(?:以前|これまで|上記|前|上|すべて|全て|今まで|先ほど|以上)の?[^。！？\n]{0,12}?(?:指示"
    r"|命令|ルール|プロンプト|内容|指令)[^。！？\n]{0,6}?(?:無視|忘れ|破棄|取り消)"
    r"|(?:指示|命令|プロンプト)を?(?:すべて|全て)?(?:無視|忘れ)"
    r"|(?:이전|위|앞|기존|모든)[^.!?\n]{0,14}?(?:지시|명령|지침|프롬프트|규칙"
    r"|내용)[^.!?\n]{0,6}?(?:무시|잊)"
)
"""Matches the same in scripts without spaces, and in Korean."""

ORDER_EAST = re.compile(
    r"(?:请|請|而是|只|必须|必須|直接|改为|仅)+(?:回答|回复|回覆|输出|輸出|写|寫|说|說|返回|打印"
    r"|翻译|翻譯|用[^。，]{1,8}(?:回答|回复|写|描述))"
    r"|(?:回答|回复|输出|輸出|打印)[“\"「『:：]|(?:翻译|翻譯)(?:成|为|為)|你现在是|你現在是"
    r"|从现在(?:起|开始)|(?:不要|请勿|別|别)(?:提及|提到|描述|说出)"
    r"|(?:と|だけ|で|を|に)(?:出力|回答|返答|返信|翻訳|追加|応答|答え|言っ|書い)(?:して"
    r"|て)?(?:ください|下さい|せよ|しろ|ろ)|あなたは(?:今|これ)から"
    r"|(?:に|へ)?(?:言及|触れ)(?:しない|ない)で(?:ください)?|新しい(?:指示|タスク|命令)|新(?:任务"
    r"|指令|的指令|的任务)"
    r"|(?:라고|만|로|으로|를|을) ?(?:출력|답|답변|대답|응답|말|번역|작성|추가)(?:하세요|하십시오"
    r"|해라|해 ?줘|해주세요|하라|하시오)|(?:너는|당신은) (?:이제|지금)"
    r"|새로운 (?:지시|작업|명령)|언급하지 (?:마|말)"
)
"""Matches other orders in those scripts."""

_LEAD = (
    r"(?:(?:please|now|then|and|instead|just|only|simply|always|also|but|so|must|kindly|rather"
    r"|first"
    r"|finally|next|immediately|to the (?:ai|model|assistant|llm)|ai|assistant|chatgpt|dear \w+"
    r"|(?:you|the (?:model|ai|assistant|llm|captioner)) (?:must|should|shall|will|have to|need to"
    r"|are (?:to|required to|instructed to|asked to))(?: now| always| never| only| not| instead)*"
    r"|(?:can|could|would|will) you|i (?:want|order|command|need|instruct|tell|ask|would like"
    r"|demand"
    r"|require|expect) you to)[,:]? ){0,5}"
)
ORDER = re.compile(
    rf"(?i:{_LEAD}{_REPLY}\b(?! of\b))"
    rf"(?:(?i:[^\n.!?,;]{{0,60}}?\b{_WRITING}\b|\W*(?:that|only|nothing) )"
    r"|[^\n.!?]{0,30}?(?:https?:|www\.|\w\.(?:com|org|net|io|ai)\b)"
    r"|:? (?:(?:that|only|with|just|exactly|the word) )*(?:[\"'\u2018\u201c\u00ab]"
    r"|[A-Z][A-Z0-9_!-]{3,}\b))"
)
"""Matches an order to write something, at the start of a sentence or clause."""

START_ORDER = re.compile(
    rf"{_LEAD}(?:add|include|insert|mention|append) (?:an?|the|some|that|in|at|also|to|any)\b",
    re.IGNORECASE,
)
"""Matches "Also add a hat" at the start of a sentence: within one it may be a recipe's."""

MANNER = re.compile(
    r"(?:you are (?:now|no longer|actually|henceforth|going to (?:act|be|respond))"
    r" (?!leaving|entering|here|in |at |crossing|on )"
    r"|you(?:'re| are) (?:an? |the )?(?:\w+ ){0,2}?(?:ai|assistant|chatbot|chatgpt|dan"
    r"|language model|llm|bot"
    r"|pirate|hacker|translator|poet)\b"
    r"|from (?:now|here|this point) on(?:wards?)?,? |(?:you|the (?:model|ai|assistant|llm"
    r"|captioner)) (?:must"
    r"|should|shall|will|have to|need to|are (?:to|required to|instructed to|asked to))(?: now"
    r"| always| never"
    r"| only| not| instead)* (?:be (?:an? |my |very |more |rude|evil|silent)|act|do|comply|obey"
    r"|forget|ignore|stop"
    rf"|break|disobey|mislead|lie|{_REPLY}\b)"
    r"|i (?:want|order|command|instruct|tell|ask|demand|require|expect) you\b|(?:instead of"
    r"|rather than) (?:an?"
    r"|the|your|captioning|describing|writing|combining|merging)\b[^\n.!?,]{0,30}(?:caption"
    r"|descri|,)"
    r"|you have been \w+ed\b|(?:simulate|role-?play|emulate|impersonate) |(?:always"
    r"|never) \w+ (?:the|a|an|your|\")"
    r"|as (?:the|your) (?:developer|admin\w*|owner|creator|boss|user|master)\b"
    r"|let's play (?:a )?(?:game|pretend)"
    r"|(?:call|describe|label|refer to) (?:the|it|him|her|this|them|all|every)\b"
    r"|(?:replace|swap|substitute|change|exchange|switch|convert) (?:the|every|all|any|each|[\"'])"
    r"|your (?:new |only |real |actual |true |next |first )*(?:task|job|role|instructions?|goal"
    r"|purpose|mission"
    r"|answer|response|output|reply|caption|system prompt|objective) (?:is|are|must|should|will"
    r"|has to|shall)\b"
    r"|(?:pretend|imagine|assume)(?: that)? (?:to be|you|the (?:image|caption)|there)\b"
    r"|act as (?:an? |if |the )|behave (?:as|like) (?:an? )|(?:speak|talk|answer|reply|respond"
    r"|write)"
    r" (?:only )?(?:like|as|in|with) (?:an? )?\w+"
    r"|(?:do not|don't|never|avoid|without|refrain from|stop|please do not|please don't"
    r"|under no circumstances)"
    r" (?:mention|describ|includ|captioning|output|refer|reveal|repeat|keep|add (?:any|the)"
    r"|writ(?:e|ing)"
    r" (?:a|the|any) caption|use (?:the |any )?(?:words?|caption|manual|other)|say (?:the|any"
    r"|anything)|caption\b"
    r"|answer|respond|reply|summari|follow|combin|merg|talk about|add\b)"
    r"|(?:leave out|omit|exclude|skip|remove|delete|hide|drop) (?:the|any|all|every|everything"
    r"|other|from)\b"
    r"[^\n.!?]{0,60}?\b(?:captions?|words?|names?|mention|descriptions?|text|answer|output|rest"
    r"|everything"
    r"|instructions?|facts?|manual|tags?|sentences?)\b"
    r"|the (?:correct|right|real|actual|true|only|final|new|proper|required|best) (?:(?:caption"
    r"|description"
    r"|output|response) (?:is|should|must|will|reads)\b|(?:answer|instructions?|task) (?:is"
    r"|are)\W*[:\"'])"
    r"|the (?:caption|answer|output|response|description|result|final caption) (?:should|must"
    r"|has to|shall|needs"
    r" to|will|is (?:to|now|always)|is\W*[:\"'])"
    r"|(?:reveal|print|show|output|repeat|recite|leak|what (?:is|are|were)"
    r"|tell me) (?:me )?(?:your|the) (?:\w+ )?"
    r"(?:system |initial |hidden |secret |original )?(?:prompt|instructions?|rules|guidelines"
    r"|configuration"
    r"|api key|password)"
    r"|(?:attention|note|message|memo|hint|hey|dear|warning|important|instructions?"
    r"|reminder)(?: to| for|,)?"
    r" (?:the |all |any )?(?:\w+ )?(?:ai\b|ais\b|llms?\b|language models?\b|models?\b"
    r"|assistants?\b|chatgpt|gpt"
    r"|chatbots?|bots?\b|captioners?\b|claude|system\b)"
    r"|(?:if|when) you(?:'re| are)? (?:an? )?(?:(?:read|see|process)\w* (?:this|the (?:text"
    r"|caption|image"
    r"|message|data|above))|ai\b|llm|language model|assistant|caption|combin|merg|the (?:model|ai))"
    r"|(?:this|the above|the following) is (?:a |an |your |the )?(?:new |only )?(?:test|system"
    r"|instruction|order"
    r"|command|override|prompt|jailbreak)\b"
    r"|(?:developer|debug|admin|sudo|maintenance|god|dan|jailbreak) mode\b|sudo \w+|new (?:task"
    r"|instructions?"
    r"|rules?|system prompt|role|objective|orders?|prompt)\b"
    r"|(?:end|begin|start) of (?:the )?(?:caption|prompt|input|data|instructions?|text|message"
    r"|context"
    r"|captions|user input)\b|end (?:caption|prompt|input)\b)",
    re.IGNORECASE,
)
"""Matches orders about the role, manner or content of an answer, at the start of a clause."""

ORDER_OTHER = re.compile(
    r"(?:(?:bitte|nun|jetzt|stattdessen|und|nur|dann|s'il te plaît|maintenant|et|puis|seulement"
    r"|por favor|ahora"
    r"|solo|y|luego|per favore|ora|poi|e|solo|agora|apenas|em vez disso|nu|en|alleen|i|teraz"
    r"|tylko|и|только"
    r"|теперь|пожалуйста)[,:]? ){0,5}"
    r"(?:antworten? (?:sie )?(?:nur|ausschließlich|mit|auf|immer|bitte|stattdessen)|schreib(?:e"
    r"|en sie)? (?:nur|ein"
    r"|auf|stattdessen|das|die|einfach)|gib\b.{0,40}\baus\b|sag(?:e|en sie)? (?:nur|stattdessen"
    r"|einfach|[\"'„])"
    r"|übersetz(?:e|en sie)|du bist (?:jetzt|nun|ab)|sie sind (?:jetzt|nun) ein|ab (?:jetzt"
    r"|sofort)|erwähn(?:e|en sie)"
    r"|füg(?:e|en sie)\b.{0,40}\b(?:hinzu|ein|wort)|neue (?:aufgabe|anweisung)"
    r"|deine (?:neue )?aufgabe"
    r"|répond(?:s|ez|re) |écri(?:s|vez) |dis (?:seulement|simplement|juste|[\"'«])|dites "
    r"|tu es (?:maintenant|désormais)"
    r"|vous êtes (?:maintenant|désormais)|tradui(?:s|sez)|ajoute[zr]? (?:le|la|les|au)"
    r"|ne mentionne|à partir de"
    r" maintenant|nouvelle (?:tâche|instruction)|affiche[zr]? "
    r"|respond(?:e|a) |escrib[ea] |di (?:solo|solamente|simplemente|[\"'«])|diga |ahora eres"
    r"|eres ahora|traduce|traduzca"
    r"|a partir de ahora|añad[ea] |agrega |no menciones|no mencione|nueva (?:tarea|instrucción)"
    r"|imprime "
    r"|rispond(?:i|ete) |scriv(?:i|ete) |di' |ora sei|sei ora|traduci|d'ora in poi|aggiungi "
    r"|non menzionare|nuov[oa]"
    r" (?:compito|istruzione)|stampa "
    r"|escreva |diga (?:apenas|só|somente)|agora você|você agora|traduza|a partir de agora"
    r"|adicione |acrescente |não"
    r" mencione|nova (?:tarefa|instrução)"
    r"|antwoord (?:alleen|met|in|enkel)|schrijf |zeg |je bent (?:nu|vanaf)|u bent nu|vertaal"
    r"|vanaf nu|voeg\b.{0,40}\btoe"
    r"|noem\b.{0,30}\bniet|vermeld |nieuwe (?:taak|opdracht|instructie)"
    r"|odpowied(?:z|ź)|odpowiadaj|napisz |powiedz |jesteś teraz|teraz jesteś|przetłumacz|od teraz"
    r"|dodaj |nie wspominaj"
    r"|nowe (?:zadanie|polecenie)|wypisz "
    r"|ответь(?:те)? |отвечай|напиши(?:те)? |скажи(?:те)? |выведи|ты теперь|теперь ты|вы теперь"
    r"|переведи|отныне|с этого"
    r" момента|добавь|не упоминай|нов(?:ая задача|ые инструкции)|sadece .{1,30} yaz\b)",
    re.IGNORECASE,
)
"""Matches orders in other languages, at the start of a sentence or clause."""

FRAME = re.compile(
    r"[<\u2039]\s*/?\s*(?:manual_caption|vlm_caption|system|instructions?|user|assistant|prompt"
    r"|caption|data"
    r"|input|task|admin|override|context)\b[^<>]*>"
    r"|<[|｜][^<>|｜\n]{1,40}[|｜]>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>"
    r"|(?:^|[.!?\n\"'\u201d)\]}>|-]\s*|\s{2,})[(\[{#*-]*\s*(?:system|assistant|developer|human"
    r"|user|admin|root|ai|new (?:task|instructions?|rules?|system (?:prompt|message))|instructions?"
    r"|system (?:prompt|message|note|override|update|notice|instruction|alert)"
    r"|important instructions?"
    r"|override|prompt|task|order|command)\s*[\])}*]*\s*:"
    r"|(?:^|\n)\s*#{2,}\s*(?:instructions?|response|system|user|assistant|input|task|end)\b"
    r"|\[(?:system|instruction|admin|override|assistant)[^\]\n]{0,60}\]"
    r"|[-=*_]{3,}\s*(?:end|begin|system|new|stop)\b",
    re.IGNORECASE,
)
"""Matches a fake tag, role or end of the data: what follows pretends to be no caption."""

ENCODED = re.compile(
    r"(?<![\w/.+])(?=[A-Za-z0-9+/]*[0-9+/=])(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*[a-z])"
    r"[A-Za-z0-9+/]{24,}={0,2}(?![\w/])"
)
"""Matches a payload in base64."""

ADDRESSED = re.compile(
    r"\byour (?:next )?(?:answer|response|reply|output|system prompt|instructions)\b"
    r"|\b(?:before|when|if|unless) you (?:only |do not |don't )?"
    r"(?:answer|respond|reply|write|say)\b"
    r"|\b(?:assistants?|chatbots?|bots?|ais?|(?:language |vision )?models?|llms?|captioners?),? "
    r"(?:must|should|shall|has to|have to|needs? to|please)\b|\b(?:assistant|chatbot), [a-z]+ "
    r"|\bdeveloper (?:mode|message)\b|\bcorrect (?:answer|caption|output):"
    r"|^\W*(?:end|begin|start|finish|close) with:|^\W*(?:append|prepend) \W"
    r"|\band obey\b",
    re.IGNORECASE,
)
"""Finds what is said to whoever writes the caption; then the whole sentence is."""
