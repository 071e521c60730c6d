"""Words that say nothing about an image: closed classes by language, and the glue of captions.

The lists are short on purpose. What a list misses counts as a word that says something, in the
sources and in the caption alike, so that it does no harm where both have it.
"""

# ruff: noqa: RUF001  # letters of other scripts are meant

FUNCTION_WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "en": """a an the this that these those i you he she it we they me him her us them my your
            his its our their mine yours hers ours theirs myself himself herself itself ourselves
            themselves who whom whose which what where when why how there here and or but nor so yet
            if than then as at by for from in into of off on onto out over per through throughout to
            toward towards under until up upon via with within without about above across after
            against along among amongst amid around before behind below beneath beside besides
            between beyond despite down during except inside like near next outside past since while
            whilst although though because unless whether be am is are was were been being have has
            had having do does did doing done can could may might must shall should will would not
            no any some each every either neither other others another such same both all many much
            more most few fewer less least several various multiple own only just also too very even
            still again one ones s t d m ll re ve isn aren wasn weren don doesn didn hasn haven hadn
            won wouldn couldn shouldn away back together something someone anyone everything none
            etc eg ie de la et l j n qu""",
        "de": """der die das den dem des ein eine einen einem einer eines kein keine keinen keinem
            keiner ich du er sie es wir ihr ihn ihm ihnen uns euch mich dich sich mein dein sein
            seine seinen seinem seiner seines ihre ihren ihrem ihrer ihres unser dieser diese dieses
            diesen diesem jener jene der die welcher welche welches wer was wo wann wie und oder
            aber denn sondern dass daß weil wenn als ob während obwohl in im an am auf aus bei beim
            mit nach seit von vom zu zum zur für durch gegen ohne um bis über unter vor hinter neben
            zwischen entlang innerhalb ausserhalb außerhalb ist sind war waren sei bin bist wird
            werden wurde wurden worden hat haben hatte hatten kann können muss müssen soll will
            nicht auch nur noch sehr schon so da dort hier dabei darauf daneben davor dahinter darin
            man etwas alle alles einige mehrere viele wenige andere anderen beide s n""",
        "fr": """le la les l un une des d du de au aux à a en dans sur sous avec sans par pour vers
            chez entre devant derrière contre depuis pendant avant après parmi près je tu il elle on
            nous vous ils elles me te se lui leur leurs y ce cet cette ces c ça cela mon ma mes ton
            ta tes son sa ses notre nos votre vos qui que qu quoi dont où quand comme comment et ou
            mais donc or ni car si est sont était étaient être été étant ont avait avaient avoir eu
            ne n pas plus moins très aussi bien même tout toute tous toutes plusieurs quelques
            chaque autre autres s j m t""",
        "es": """el la los las lo un una unos unas de del a al en con sin por para desde hasta sobre
            bajo entre hacia contra durante tras ante según yo tú él ella ello nosotros ellos ellas
            me te se nos le les mi mis tu tus su sus nuestro nuestra este esta esto estos estas ese
            esa eso esos esas aquel aquella que quien quienes cual cuales donde cuando como y e o u
            pero sino ni si porque aunque mientras es son era eran ser sido siendo está están estaba
            estaban estar ha han había haber hay no muy más menos también ya todo toda todos todas
            varios varias algunos algunas algún alguna cada otro otra otros otras""",
        "it": """il lo la i gli le l un uno una di del dello della dei degli delle dell a al allo
            alla ai agli alle all da dal dallo dalla dai dalle dall in nel nello nella nei negli
            nelle nell con su sul sullo sulla sui sugli sulle sull per tra fra senza verso contro
            durante sopra sotto dietro davanti accanto io tu egli lui lei esso essa noi voi loro mi
            ti si ci vi ne mio mia suo sua suoi sue questo questa questi queste quello quella quelli
            quelle che chi cui quale quali dove quando come e ed o ma se perché mentre è sono era
            erano essere stato stata sta stanno ha hanno aveva avere non più meno molto anche tutto
            tutta tutti tutte alcuni alcune ogni altro altra altri altre d c""",
        "pt": """o a os as um uma uns umas de do da dos das em no na nos nas num numa por pelo pela
            pelos pelas para com sem sobre sob entre até desde contra durante atrás eu tu ele ela
            nós eles elas me te se lhe lhes meu minha seu sua seus suas nosso nossa este esta isto
            estes estas esse essa isso esses essas aquele aquela ao aos à às que quem qual quais
            onde quando como e ou mas nem se porque embora enquanto é são era eram ser sido sendo
            está estão estava estavam estar há tem têm tinha ter não muito mais menos também já todo
            toda todos todas vários várias alguns algumas cada outro outra outros outras""",
        "nl": """de het een der den des ik jij je u hij zij ze wij we jullie hen hun hem haar mij me
            zich mijn jouw zijn onze ons dit dat deze die wie wat waar wanneer hoe welke en of maar
            want omdat als dan terwijl hoewel in op aan af uit bij met naar van voor door over onder
            tegen tussen zonder om tot na naast achter boven binnen buiten langs rond te ter is was
            waren ben bent geweest worden wordt werd werden heeft hebben had hadden kan kunnen moet
            moeten zal zullen er daar hier niet geen ook nog al zeer erg veel meer minder enkele
            meerdere verschillende alle alles elke andere beide s t n""",
    }.items()
}

SPACELESS_FUNCTION_WORDS = frozenset(
    "\u7684\u4e86\u5728\u662f\u548c\u4e0e\u6709\u7740\u4e2d\u4e2a\u8fd9\u90a3"
    "\u306e\u306f\u304c\u3092\u306b\u3078\u3068\u3067\u3082\u3084\u3057\u3066\u305f\u308b\u3044\u3059"
)
"""Chinese particles and the hiragana of Japanese particles and endings."""

GLUE = {
    language: frozenset(words.split())
    for language, words in {
        "en": """image images photo photos photograph photographs photographed picture pictures
            pictured pic snapshot scene scenes view views viewer setting settings caption
            description show shows showing shown depict depicts depicting depicted feature features
            featuring featured capture captures capturing captured present presents presenting
            presented display displays displaying displayed portray portrays portraying portrayed
            illustrates illustrating illustrated showcase showcases showcasing showcased reveal
            reveals revealing contain contains containing contained include includes including
            included appear appears appearing appeared seem seems seeming see sees seen seeing
            visible visibly set sets located situated positioned placed background foreground shot
            taken take takes taking wear wears wearing wore worn hold holds holding held sit sits
            sitting sat seated stand stands standing stood lie lies lying lay lays laying rest rests
            resting look looks looking looked get gets getting got go goes going make makes making
            made use uses using used give gives giving come comes coming put puts accompany
            accompanied accompanies accompanying surround surrounds surrounded surrounding suggest
            suggests suggesting create creates creating slightly partially partly clearly directly
            mainly mostly possibly likely apparently currently nearby closely subject overall
            additionally say says saying said read reads written write label labels labeled labelled
            named called titled captioned""",
        "de": """bild bilder foto fotos aufnahme szene ansicht zeigt zeigen gezeigt sehen sieht
            sichtbar hintergrund vordergrund trägt tragen hält halten sitzt sitzen sitzend sitzende
            steht stehen stehend stehende liegt liegen liegend liegende befindet befinden
            dargestellt abgebildet umgeben""",
        "fr": """image photo photographie scène vue montre montrent montrant voit voir visible
            visibles arrière plan premier représente représentant portant tient tenant assis assise
            debout trouve trouvent entouré entourée côté""",
        "es": """imagen foto fotografía escena vista muestra muestran mostrando ve ven visible
            visibles fondo lleva llevan llevando sostiene sosteniendo sentado sentada pie
            aparece aparecen rodeado rodeada""",
        "it": """immagine foto fotografia scena vista mostra mostrano vede vedono visibile visibili
            sfondo primo indossa indossano tiene tenendo seduto seduta raffigura circondato
            circondata""",
        "pt": """imagem foto fotografia cena vista mostra mostram mostrando vê veem visível visíveis
            fundo usa usando veste vestindo segura segurando sentado sentada pé aparece cercado
            cercada""",
        "nl": """afbeelding foto beeld scène toont tonen zien ziet zichtbaar achtergrond voorgrond
            draagt dragen houdt houden zit zitten zittend staat staan staand ligt liggen liggend
            omringd""",
    }.items()
}
"""Words that any caption may use: a picture shows something, which stands or lies somewhere."""

PLACES = frozenset(
    {
        "front",
        "side",
        "sides",
        "middle",
        "center",
        "centre",
        "edge",
        "area",
        "part",
        "top",
        "bottom",
    }
)
"""Parts of any picture: a fact where a person names them, no invention where an LLM does."""

EVALUATIVE = {
    language: frozenset(words.split())
    for language, words in {
        "en": """beautiful beautifully nice lovely pretty gorgeous stunning amazing wonderful great
            good awesome fantastic cool perfect striking charming adorable cute delightful elegant
            impressive breathtaking picturesque magnificent captivating mesmerizing vivid
            interesting quick really quite well simply ever always often sometimes now maybe perhaps
            probably actually almost""",
        "de": "schön schöne schöner schönes schönen hübsch wunderschön",
        "fr": "beau belle beaux belles joli jolie magnifique",
        "es": "bonito bonita hermoso hermosa precioso preciosa bello bella lindo linda",
        "it": "bello bella bellissimo bellissima",
        "pt": "bonito bonita lindo linda",
        "nl": "mooi mooie prachtig",
    }.items()
}
"""Praise and adverbs: not a fact when a person uses them, an invention when an LLM does."""

_COLOURS_AND_SIDES = """
    red blue green yellow orange purple violet pink brown black white grey gray beige cyan teal
    turquoise magenta crimson scarlet navy maroon golden left right
    rot rote roter rotes roten blau blaue blauer blaues blauen grün grüne grüner grünes grünen gelb
    gelbe gelber gelbes gelben braun braune schwarz schwarze schwarzer schwarzes schwarzen weiß
    weiße weißer weißes weißen grau graue links rechts linke rechte
    rouge rouges bleu bleue bleus vert verte verts jaune jaunes noir noire noirs blanc blanche gris
    grise gauche droite
    rojo roja rojos azul azules verde verdes amarillo amarilla negro negra blanco blanca gris
    izquierda derecha rosso rossa blu giallo gialla nero nera bianco bianca sinistra destra
    vermelho vermelha amarelo amarela preto preta branco branca esquerda direita
    rood rode blauw blauwe groen groene geel gele zwart zwarte wit witte
"""
COLOURS_AND_SIDES = frozenset(_COLOURS_AND_SIDES.split())
"""Words that change what a picture shows when they are changed."""

NEGATORS = {
    language: frozenset(words.split())
    for language, words in {
        "en": "no not without never neither nor isn aren wasn weren doesn didn hasn haven hadn",
        "de": "ohne kein keine keinen keinem keiner keines weder",
        "fr": "sans aucun aucune ni",
        "es": "sin ningún ninguna ni",
        "it": "senza nessun nessuno nessuna",
        "pt": "sem nenhum nenhuma nem",
        "nl": "zonder geen",
        "pl": "bez żaden żadna żadne żadnego żadnej żadnych ani",
        "ru": "без ни нет",
        "uk": "без ні немає",
        "sv": "utan ingen inget inga",
        "da": "uden ingen intet",
        "nb": "uten ingen intet",
        "cs": "bez žádný žádná žádné ani",
    }.items()
}
"""Words that say of the next one that it is not there, or not so; neither "don" nor "won", which
are more often a name and a victory."""

ALTERNATIVES = frozenset(("or", "oder", "ou", "lub", "или", "або", "eller", "nebo"))
"""Words that carry a "no" on: no cars or people."""

NUMBER_WORDS = {
    language: {
        word: str(value) for value, words in enumerate(row.split()) for word in words.split("/")
    }
    for language, row in {
        "en": """zero a/an/one/single two/pair/couple/both/twin/twins/duo three/trio four five six
            seven eight nine ten eleven twelve/dozen thirteen fourteen fifteen sixteen seventeen
            eighteen nineteen twenty""",
        "de": """null ein/eine/einen/einem/einer/eines zwei/beide/paar drei vier fünf sechs sieben
            acht neun zehn elf zwölf""",
        "fr": "zéro un/une deux/couple/paire trois quatre cinq six sept huit neuf dix onze douze",
        "es": """cero un/uno/una dos/par/pareja tres cuatro cinco seis siete ocho nueve diez once
            doce""",
        "it": """zero un/uno/una due/coppia tre quattro cinque sei sette otto nove dieci undici
            dodici""",
        "pt": """zero um/uma dois/duas/par três quatro cinco seis sete oito nove dez onze
            doze""",
        "nl": "nul een/één twee/paar/beide drie vier vijf zes zeven acht negen tien elf twaalf",
    }.items()
}
"""Numbers as digits, by their words; an article says one, a pair says two."""

TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 1_000_000}
ORDINALS = {
    "first": "1st",
    "second": "2nd",
    "third": "3rd",
    "fourth": "4th",
    "fifth": "5th",
    "sixth": "6th",
    "seventh": "7th",
    "eighth": "8th",
    "ninth": "9th",
    "tenth": "10th",
}
