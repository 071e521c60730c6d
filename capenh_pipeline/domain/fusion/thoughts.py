"""How a model thinks aloud where its thoughts have no tags around them."""

# ruff: noqa: RUF001  # letters and marks of other scripts are meant

import re

_DO = (
    r"(?:combin|merg|writ|keep|includ|make|check|ensur|produc|creat|output|think|rewrit|craft"
    r"|preserv"
    r"|follow|avoid|add|figur|determin|start|answer|respond|incorporat|look|see|read|respect|retain"
    r"|remember|note|consider|decid|be careful|mention|only|also|not|just|integrat|find|compose"
    r"|drop"
    r"|use|start|generat|provid|describ|synthesi|now|prioriti|resolve|ignore|draft)"
)
THOUGHT = re.compile(
    r"(?:(?:okay|ok|alright|all right|so|now|well|hmm+|wait|first(?:ly)?|next|then|but|actually"
    r"|and|also"
    r"|finally|therefore|thus|maybe|perhaps|in summary|to start)[,.\s\u2026:-]+){0,4}"
    r"(?:let(?:'s| me| us) (?:\w+ )?(?:think|see|start|break|analy|look|combin|check|re-?read"
    r"|consider|try"
    r"|writ|craft|draft|compos|go|figur|pars|examin|identif|recall|mak|count|merg|now|first|put"
    r"|work"
    r"|tackl|handl|begin|structur|build|organi|get|do\b|list|outlin|focus|extract)"
    r"|(?:i|we)(?: have|'ve got|'m given| am given| are given| got)\b[^\n.]{0,40}\b(?:captions?"
    r"|sources?"
    r"|descriptions?|inputs?)\b|(?:the|this|our) (?:user|task|human|prompt|instructions?"
    r"|system prompt|goal) (?:\w+ )?"
    r"(?:wants?|asks?|asked|is (?:asking|to|that)|provided|gave|has (?:given|provided|asked)"
    r"|needs|said"
    r"|says|requests?|requires|stated?s?|here is|instructs?|tells)\b"
    rf"|(?:i|we)(?:'ll|'d|'ve| will| would)? (?:need|have|should|must|want|can|could|am going|'ll"
    rf"|got|ought"
    rf"|will|might|may)(?:n't| not)? (?:to )?(?:also |just |only |now |first |then "
    rf"|probably )?{_DO}"
    r"|(?:i|we)(?:'ll| will|'m going to| am going to) (?:\w+ )?(?:combin|merg|writ|keep|start|now"
    r"|draft|rewrit)"
    r"|i(?:'m| am) (?:thinking|wondering|considering|trying to|going to|supposed to|asked to"
    r"|given)\b"
    r"|(?:my|the|our) (?:goal|task|job|aim|objective) (?:here )?is (?:to|that)\b|(?:(?:first|then"
    r"|next|now),? i|i"
    r" (?:first|then|next|now|start|begin|analy[sz]e|identify)) ?\w+"
    r"|i think (?:the|that|this|i|we|a)\b|i wonder\b|(?:that|this) (?:means"
    r"|suggests) (?:that )?(?:i|we)\b"
    r"|(?:the )?(?:manual|vlm|first|second|human|person's|machine|model's)(?:[ _](?:\w+ ){0,1}?"
    r"(?:captions?|descriptions?))?(?:,| also| clearl?y)? (?:says?|states?|mentions?|notes?"
    r"|describes?|adds?"
    r"|claims?|reads|specif|gives|contradicts?|provides?|has|tells)\b"
    r"|(?:looking at|comparing|analy[sz]ing|considering|checking|combining|merging) (?:the|both"
    r"|these"
    r"|all)\b[^\n.]{0,60}\b(?:captions?|sources?|descriptions?|inputs?|facts?|information)\b"
    r"|step (?:\d|one|two)\s*[:.)-]|(?:thought|thinking|reasoning|analysis|chain of thought|plan"
    r"|draft|scratch ?pad"
    r"|internal monologue)(?: process)?(?: \d)?\s*[:：]|conflicts?[:：]|constraints?[:：]"
    r"|hmm+\b|wait[,.\u2026!-]|double[- ]check|to (?:combine|merge) (?:these|the|both|them)"
    r"|(?:does|should|do|can|would) (?:this|that|it|i|we|the manual|the vlm)\b[^\n.?]{0,80}\?"
    r"|is (?:that|this|it|there)\b[^\n.?]{0,60}(?:caption|correct|contradict|enough|sentence|ok"
    r"|word)\w*[^\n.?]{0,20}\?"
    r"|(?:ich (?:muss|soll|sollte|werde)|der (?:benutzer|nutzer|user)|lass(?:en sie)? (?:mich|uns)"
    r"|zuerst (?:muss|werde)|l'utilisateur|je (?:dois|vais)|d'abord, je|el usuario|(?:debo|voy a"
    r"|necesito)"
    r"|l'utente|devo|o usuário|preciso|de gebruiker|ik moet|użytkownik|muszę|пользователь"
    r"|мне нужно|я должен)\b"
    r"|(?:首先|好的|嗯|那么|接下来|现在)?[,，]?(?:用户|使用者|我(?:需要|要|应该|應該|来|们需要)"
    r"|让我|讓我)"
    r"|ユーザー[はが]|まず[、は]|사용자[는가]|먼저)",
    re.IGNORECASE,
)
"""Matches a thought about the task at the start of a sentence."""

CONCLUSION = re.compile(
    r"(?:^|\n|[.!?]\s)\W*(?:so,? |thus,? |therefore,? )?(?:(?:here is |here's |this is )?(?:the "
    r"|my )?"
    r"(?:final|resulting|combined|merged) (?:answer|caption|output|version|response|description)"
    r"(?: (?:is|would be|could be))?|answer|caption|output)[\s*_]{0,4}:[\s*_]{0,4}(?=\S)",
    re.IGNORECASE,
)
"""Matches "Final answer: ", after which a caption follows that was thought about."""
