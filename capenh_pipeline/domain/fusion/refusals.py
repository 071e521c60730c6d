"""How models of many languages say that they will not, or cannot, write a caption."""

# ruff: noqa: RUF001  # letters and marks of other scripts are meant

import re

_LEAD = (
    r"(?:(?:unfortunately|regrettably|however|hello|hi|oh|oh no|hm+|okay|ok|well|but|and|so"
    r"|apologies|sorry"
    r"|my (?:sincere )?apologies|as an? (?:ai|artificial|assistant|language)[^,.\n]{0,60}"
    r"|leider|malheureusement|lamentablemente|desafortunadamente|purtroppo|infelizmente|helaas"
    r"|niestety|je regrette|dommage|perd[oó]n|i understand[^,.\n]{0,60})[\s,.!:;\u2014-]+"
    r"(?:but |mais |pero |ma |mas |maar |aber |ale )?){0,4}"
)

_ENGLISH = (
    r"i(?:'m| am)(?: really| very| so| truly| just| currently| still| only)* (?:sorry|afraid"
    r"|unable|not able|not in a position|not comfortable|not (?:allowed|permitted|designed|going to"
    r"|capable|equipped|programmed|seeing any|sure what)|an? (?:ai|artificial|text|language|large)"
    r"|ready to (?:help|assist))",
    r"(?:i|we) (?:ca ?n'?t|can ?not|won'?t|will not|could ?n'?t|could not|would ?n'?t|would not"
    r"|shouldn't),? (?:be able|in good|(?:\w+ly |really |just )?(?:help|assist|provid|describ"
    r"|see\b|view"
    r"|generat|creat"
    r"|writ|produc|fulfil|compl|process|do\b|continu|engag|discuss|identif|recogni|determin"
    r"|combin|merg"
    r"|rewrit|caption|access|analy|support|offer|shar|giv|answer|respond|verif|confirm|mak|add\b"
    r"|tell"
    r"|includ|participat|assum|open|read|look|display|work|proceed|accept|us(?:e|ing)\b|follow"
    r"|output"
    r"|perform|interpret|show|allow|find|know|speculat|comment|agree|condone|promot))",
    r"i(?:'m| am)? (?:(?:must|have to|need to|going to(?: have to)?"
    r"|will have to) (?:\w+ly )?(?:decline"
    r"|refuse|ask|pass)|decline|refuse|apologi[sz]e"
    r"|(?:do not|don't|did not|didn't) (?:actually |currently )?(?:see|have|know|feel|think"
    r"|receive|understand|believe|wish|want|find|provide|create|write|generate|describe|produce"
    r"|engage))\b",
    r"i (?:see|notice) (?:that )?(?:no|you (?:haven't|have not|didn't|did not)|there)\b",
    r"(?:that|this)(?:'s| is) (?:not something (?:i|we)|beyond what)\b|(?:there (?:is|are|isn't"
    r"|aren't|was)"
    r"(?: not| n't)? |i (?:do not|don't) have |not |in)(?:enough|sufficient) (?:information"
    r"|context|detail|data)",
    r"i(?:'d| would| will|'ll) (?:be (?:happy|glad|able)|love|need|have to|prefer|rather)\b",
    r"i need (?:the|you|more|a|an|to see|to decline|at least|both)\b",
    r"as an? (?:ai|artificial|(?:large )?language|text|responsible|multimodal|virtual|assistant)\b",
    r"(?:sorry|apologies|my apologies),? (?:but\b|i\b|this\b|that i\b|for\b|the (?:image|request|"
    r"content|caption)|your\b|no\b|there\b|unable|we (?:can|are unable)|about that|that(?:'s| is))",
    r"(?:we|it)(?:'re| are|'s| is)? (?:apologi[sz]e for|unable to (?:process|provide|comply)"
    r"|not (?:possible|appropriate|able) (?:for me )?to (?:provide|describe|create|write|generate"
    r"|comply|combine|merge|caption))\b",
    r"(?:no|neither|there (?:is|are|was|were|seems to be|appears to be) no"
    r"|there(?:'s| isn't| aren't| wasn't| weren't)(?: any| no| an?)?) "
    r"(?:\w+ ){0,3}?(?:images?|captions?|descriptions?|content|input|data|information|text) "
    r"(?:\w+ ){0,3}?(?:provided|attached|given|available|supplied|uploaded|included|to "
    r"(?:describe|work|combine|merge|rewrite|caption))\b",
    r"(?:please|kindly|could you|can you|would you)(?: please| kindly)? (?:provide|share|upload"
    r"|supply|give me|send|attach|clarify|specify|paste|resubmit|rephrase|try again|note that i)\b",
    r"you (?:haven't|have not|didn't|did not) (?:provide|include|attach|share|upload|give)",
    r"it (?:looks|seems|appears)(?: like| that| as if)* (?:you(?:r|'ve| have| did| only| forgot)?"
    r"|i|(?:there (?:is|was|are)|no|the|both|one of|an?) (?:\w+ ){0,4}?(?:images?|captions?|input"
    r"|request|prompt|provided|message))\b",
    r"(?:the|this|that|your) (?:\w+ ){0,2}?(?:request|image|content|prompt|caption|captions|input"
    r"|text|query|material|task|topic) (?:\w+ ){0,5}?(?:violates?|against|inappropriate"
    r"|(?:is|was|are|were) (?:not (?:provided|appropriate|allowed|something i)|missing|empty"
    r"|blocked|denied)|wasn't provided|"
    r"(?:can ?not|can't|could not|couldn't) be (?:described|processed|provided|completed"
    r"|fulfilled|combined|captioned)"
    r"|not be able)\b",
    r"(?:unable|not able|can ?not|can't|failed|refus(?:e|ing)) (?:to )?(?:help|assist|provide"
    r"|process|comply|generate|fulfil+|engage|continue with|caption|(?:describe|create|complete"
    r"|view"
    r"|see|access|open|load|read|analy[sz]e|write|identify) (?:the|this|that|any|your|an?) (?:image"
    r"|photo|picture|file|content|caption|request|person|people|prompt|text))\b",
    r"(?:request|content|response|answer|caption|image) (?:was |has been |is )?"
    r"(?:denied|blocked|refused|rejected|filtered|withheld|removed|redacted|unavailable"
    r"|not available)\b",
    r"(?:let's|let us) (?:talk|discuss|change|focus on something)",
    r"my (?:safety )?(?:guidelines|policy|policies|programming|training|purpose)\b",
    r"n/?a\W*$|none\W*$|null\W*$|undefined\W*$|error:|no (?:caption|answer|output)\W*$",
)
_ROMANCE = (
    r"(?:je suis |nous sommes |i'm )?(?:vraiment |sincèrement |très )?d[eé]sol[eé]e?s?\b",
    r"(?:je|nous) (?:m'excuse|vous prie|ne (?:peux|suis|puis|pourrai|pourrais|vois|dispose"
    r"|pouvons|sommes)|n'ai|regrette|refuse)\b",
    r"(?:il (?:m'est|est) impossible|impossible de (?:décrire|fournir|générer|traiter|répondre)"
    r"|en tant qu|veuillez (?:me |nous )?(?:fournir|préciser|partager|envoyer)|aucune? (?:image"
    r"|légende) "
    r"(?:n'a|fournie)|excusez-moi)",
    r"(?:lo siento|lo lamento|disculp[ae]|perdón(?:ame|eme|,)|mis disculpas|me temo"
    r"|pido disculpas)\b",
    r"(?:yo )?no (?:puedo|podr[eéí]a?|podemos|soy capaz|(?:me )?es posible|estoy (?:en|autoriz|"
    r"capacit|seguro)|tengo (?:acceso|(?:la )?capac|permi|informaci)|dispongo|se (?:ha proporcion"
    r"|proporcion"
    r"|puede (?:describ|gener|proporc)))",
    r"(?:como|soy|sou) (?:una?|uma?|um|un|o|el)? ?(?:ia|inteligencia|inteligência|modelo"
    r"|asistente|assistente)\b",
    r"por fav(?:or|or,),? (?:proporci|comparte|comparta|env[ií]|facilit|forne[cç]|compartilhe"
    r"|envie)",
    r"(?:mi dispiace|mi spiace|spiacente|mi scuso|chiedo scusa|sono spiacente)\b",
    r"(?:io )?non (?:posso|sono in grado|riesco|mi è possibile|è possibile (?:fornire|descrivere"
    r"|generare)|ho (?:accesso|la possib|informazioni|la capac)|dispongo|potrei)\b",
    r"(?:come|sono|in quanto) (?:un'?a? ?)?(?:ia|ai|intelligenza|modello|assistente)\b",
    r"(?:per favore|si prega di),? (?:forni|condivid|invi)",
    r"(?:me )?desculp(?:e|a|em)\b|(?:eu )?(?:sinto muito|lamento|pe[cç]o desculpas?)\b",
    r"(?:eu )?n[aã]o (?:posso|consigo|poderei|poderia|sou capaz|me é possível|é possível "
    r"(?:fornecer|descrever|gerar)|estou (?:em|autoriz|apto)|tenho (?:acesso|permiss|(?:a )?capac"
    r"|informa)"
    r"|foi fornecid)",
    r"(?:îmi pare rău|nu pot|ne pare rău)\b",
)
_GERMANIC = (
    r"(?:es tut mir|tut mir|das tut mir)\b.{0,20}\bleid\b",
    r"(?:leider |aber |da )?(?:ich|dabei|damit|hierbei|das) (?:kann|konnte|darf|möchte|werde|bin"
    r"|habe|sehe)"
    r"\b[^.!?\n]{0,80}?\b(?:nicht|kein\w*|leider|außerstande)\b",
    r"(?:(?:da|dabei|damit|hier|hierbei|das) )?(?:kann|darf|bin|ist|habe) (?:ich|es"
    r"|mir)\b[^.!?\n]{0,80}?\b(?:nicht|kein\w*|unmöglich)\b",
    r"als (?:ki|künstliche|sprachmodell|großes|ai|taalmodel|kunstmatige|een ai|assistent)\b",
    r"(?:entschuldigung|verzeihung|ich entschuldige|ich bitte um|ich bedaure)\b",
    r"bitte (?:geben|stellen|senden|laden|teilen|fügen|schicken) sie\b",
    r"(?:het spijt me|mijn excuses|excuses|sorry,? (?:maar )?ik|ik vrees"
    r"|mijn verontschuldigingen)\b",
    r"(?:ik|dat|hierbij|daar) (?:kan|mag|wil|zal|ben|heb|zie)\b[^.!?\n]{0,80}?\b(?:niet|geen)\b",
    r"(?:kan|mag|ben) ik\b[^.!?\n]{0,80}?\b(?:niet|geen)\b",
    r"(?:jag|jeg) (?:kan|er|är|har|får|må)\b[^.!?\n]{0,60}?\b(?:inte|ikke|tyvärr|desværre"
    r"|dessverre)\b",
    r"(?:tyvärr|beklager|desværre|dessverre|undskyld|förlåt|som en ai|jag beklagar)\b",
)
_OTHERS = (
    r"(?:bardzo )?(?:przepraszam|przykro mi|wybacz)\b|niestety\b.{0,30}\bnie\b",
    r"(?:ja )?nie (?:mogę|jestem w stanie|potrafię|mam (?:możliwo|dostępu)|udało mi|dostarczono)",
    r"jako (?:model|ai|sztuczna|asystent|duży)|(?:omlouvám|bohužel|nemohu|je mi líto)\b|jako ai\b",
    r"(?:к сожалению|извин|простите|прошу прощ|приношу|(?:мне )?(?:очень )?жаль|сожалею"
    r"|на жаль|вибач|перепрош)",
    r"(?:я )?не (?:могу|в состоянии|смогу|имею|способ|вижу|можу|умею)"
    r"|(?:как|як|я)(?: -|,)? (?:ии|ші|искусствен|языков|мовн|ассистент|модел)",
    r"(?:üzgünüm|maalesef|ne yazık ki|kusura bakma|bir yapay zeka|bir dil modeli)",
    r"(?:xin lỗi|rất tiếc|tôi (?:rất )?(?:xin lỗi|tiếc|không thể)|tôi là một)",
    r"(?:mohon )?maaf|saya (?:tidak|mohon maaf|minta maaf)|sebagai (?:ai|model|asisten)",
    r"(?:valitettavasti|pahoittelen|en voi|en pysty|tekoälynä)\b|(?:sajnálom|elnézést|nem tudok)",
    r"(?:λυπάμαι|δυστυχώς|δεν μπορώ)|(?:מצטער|אני לא יכול|כמודל)",
    r"(?:عذرا|آسف|أعتذر|أنا آسف|لا (?:أستطيع|يمكنني)|للأسف|كنموذج)",
    r"(?:क्षमा|माफ|माफ़|मुझे खेद|मैं [^.।]{0,60}नहीं)|ขอ(?:อภัย|โทษ)",
)
_EAST_ASIAN = (
    r"(?:很|非常|十分|真的|我)*(?:抱歉|对不起|對不起|不好意思|遗憾|遺憾)",
    r"(?:但|所以|因此)?我(?:并|並|暂时|目前|真的|只)*(?:无法|無法|不能|没有?办?法|沒辦法|不可以"
    r"|不会|不會|拒绝|拒絕|是一个|是一個|看不到|不具备)",
    r"(?:无法|無法|不能|未能|不便)(?:为您|为你|為您|直接)?(?:提供|生成|描述|查看|处理|處理|完成"
    r"|识别|識別|回答|协助|協助|帮助|幫助|满足|遵)",
    r"(?:作为|作為)(?:一个|一個|一名|一位)?(?:人工智|ai|语言|語言|大型|助)|(?:您|你)(?:没有|沒有"
    r"|并未|未)提供|请(?:您)?提供|請(?:您)?提供",
    r"(?:大変|誠に)?申し訳|すみません|済みません|ごめんなさい|恐れ入りますが|残念ながら"
    r"|(?:私は)?(?:ai|人工知能|(?:大規模)?言語モデル)(?:として|なので|です|である)",
    r"[^。\n]*(?:できません|できかねます|いたしかねます|応じられません|対応しておりません"
    r"|提供してください)",
    r"(?:정말 |대단히 )?(?:죄송|미안|유감|안타깝)|[^.\n]*(?:수|수가|수는) 없(?:습니다|어요|다)"
    r"|(?:저는 )?(?:ai|인공지능|언어 ?모델)(?:로서|로써|으로서| 모델| 언어|이)|[^.\n]*제공해 ?주",
)
REFUSAL = re.compile(
    _LEAD + "(?:" + "|".join((*_ENGLISH, *_ROMANCE, *_GERMANIC, *_OTHERS, *_EAST_ASIAN)) + ")",
    re.IGNORECASE,
)
"""Matches a refusal at the start of a sentence."""

POLICY = re.compile(
    r"\b(?:against|violat\w+|due to|within) (?:my|our|the|openai'?s?|content|ethical|safety)"
    r" (?:\w+ ){0,2}?(?:guidelines?|polic(?:y|ies)|programming|standards)\b"
    r"|\b(?:i(?:'m| am)|being) an? (?:ai\b|artificial intelligence|(?:large )?language model)"
    r"|\bi (?:can ?not|can't|am unable to|'m unable to|am not able to|won't) (?:help|assist|comply"
    r"|fulfil+|provide|generate|describe|create|continue|see|view|identify|write|caption|combine"
    r"|do that)\b"
    r"|\bbeyond (?:what i can|my (?:capabilit|abilit))\w*",
    re.IGNORECASE,
)
"""Matches what only a refusing model says, anywhere in a sentence."""
