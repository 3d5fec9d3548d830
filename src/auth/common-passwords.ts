/**
 * The commonest passwords of 8 characters and more; shorter ones are refused for their length. They are kept as those
 * that stand for themselves, and as words that people lengthen in a few habitual ways.
 */
const WHOLE = `
00000000 000000000 0000000000 01011970 01011980 01011985 01011990 01011991 01012000 01012001 01012010 01012011
0102030405 01230123 01234567 012345678 0123456789 09876543 098765432 0987654321 10101010 10203040 1020304050
1029384756 11111111 111111111 1111111111 11112222 111222333 11221122 11223344 1122334455 112233445566 11235813
1123581321 12121212 1212121212 12123434 12301230 12312312 123123123 123123123123 1231231234 12332112 123321123
123321qwe 12341234 123412341234 12341234q 12344321 123454321 1234554321 12345600 12345612 123456123 123456123456
12345654321 12345678 123456781 123456789 1234567890 12345678901 123456789012 1234567890a 1234567890q 1234567891
12345678910 123456789123 123456789a 123456789abc 123456789m 123456789o 123456789q 123456789s 123456789x 123456789z
12345678a 12345678q 12345679 1234567a 1234567b 1234567q 1234567qwerty 1234567z 123456aa 123456ab 123456abc 123456as
123456qw 123456qwerty 12345abc 12345qaz 12345qwe 12345qwert 12345qwerty 1234abcd 1234asdf 1234qwer 1234rewq 1234zxcv
123654789 123698745 123789456 123987456 123abc123 123asd123 123qwe123 123qwe456 123qweasd 123qweasdzxc 12qwasxz
12qwaszx 13131313 1324354657 13467982 134679852 13572468 1357908642 13579246 135792468 1357924680 14141414 147147147
14725836 147258369 1472583690 147852369 14789632 147896325 159159159 159357258 15935728 159357456 159753159 159753456
15975346 159951159 16161616 17171717 18181818 19191919 192837465 19841984 19851985 19861986 19871987 19881988 19891989
19901990 19911991 19921992 19931993 19941994 1a2b3c4d 1a2b3c4d5e 1a2s3d4f 1a2s3d4f5g 1g2w3e4r 1password 1q1q1q1q
1q2q3q4q 1q2w3e4r 1q2w3e4r5 1q2w3e4r5t 1q2w3e4r5t6y 1q2w3e4r5t6y7u 1qa2ws3ed 1qaz!qaz 1qaz1qaz 1qaz2wsx 1qaz2wsx3edc
1qaz2wsx3edc4rfv 1qaz@wsx 1qazxdr5 1qazxsw2 1qazxsw23edc 1qw23er4 1z2x3c4v 20102010 20112011 20122012 20202020
21122112 21212121 22222222 222222222 2222222222 22223333 23232323 23456789 24681012 2468101214 24682468 25252525
25802580 258258258 2wsx3edc 31415926 314159265 3141592654 32103210 321321321 321654987 3216549870 33333333 333333333
33334444 3edc4rfv 44444444 444444444 45454545 456123789 4815162342 54321012 5432154321 55555555 555555555 5555555555
56565656 56785678 65432100 654321654321 66666666 666666666 6666666666 67676767 69696969 74108520 741236985 741852963
7418529630 753159852 753951456 75395146 77777777 777777777 7777777777 78787878 78945612 789456123 7894561230 78963214
789632145 7896321450 789789789 80808080 81818181 852456852 87654321 876543210 88888888 888888888 8888888888 89898989
963852741 963852963 97979797 987321654 987456321 98765432 987654321 9876543210 987654321a 98989898 99887766 9988776655
99999999 999999999 9999999999 a1234567 a12345678 a123456789 a1a1a1a1 a1a2a3a4 a1b2c3d4 a1b2c3d4e5 a1s2d3f4 a1s2d3f4g5
aa123456 aa12345678 aaa111aa aaa12345 aaaa1111 aaaaaaaa aaaaaaaaa aaaaaaaaaa aabbccdd ab123456 abc12345 abc123456
abc1234567 abc12345678 abc123abc abc123def abcabcabc abcd1234 abcd12345 abcd123456 abcd4321 abcdabcd abcde123
abcde12345 abcdef12 abcdef123 abcdefg1 abcdefg123 abcdefgh abcdefghi abcdefghij abcdefghijk acces123 access14 access99
adgjmptw admin123 admin1234 admin12345 admin123456 admin888 admin@123 adminadmin administrator agent007 alphabet
amigos12 animal123 aqwzsxedc as123456 asd12345 asd123456 asdasd123 asdasdasd asdf1234 asdf12345 asdf4321 asdfasdf
asdfg123 asdfg12345 asdfgh12 asdfgh123 asdfghj1 asdfghjk asdfghjkl asdfghjkl1 asdfghjkl123 asdfjkl123 asdfjkl;
asdfqwer asdfzxcv asdqwe123 asdqwezxc asdzxc123 aspirine awesome1 azerty12 azerty123 azertyui azertyuiop azsxdcfv
azsxdcfvgb baba1234 baby1234 badboy12 bbbbbbbb bismillah blahblah blahblahblah blessed1 blessing blink182 bluebird
butthead c3poroxx cccccccc changeit changeme changeme! changeme1 changeme123 charlie1 chocolate christ1s cocacola
computer consumer contrasena correcthorsebatterystaple darkness dddddddd deepthroat default1 default123 demo1234
digital1 dragon12 dragonball dragonballz drowssap dupadupa easypass eeeeeeee einstein elephant elizabeth emmanuel
f00tball f1f2f3f4 ffffffff fghjkl123 flamengo fordf150 forever1 formula1 fortnite freedom1 friends1 front242 fuckfuck
fuckthis fuckyou! fuckyou1 fuckyou123 fuckyou2 fuckyou69 fuckyoubitch gandalf1 garfield gateway1 general1 gfhjkm123
gfhjkmgfhjkm gggggggg ghbdtnbr ghjcnjgfhjkm giovanni godisgood godisgreat godzilla goldfish goodluck google123
gordon24 grateful guest123 hahahaha hallo123 harley01 hawaii50 hello123 hello1234 hello12345 hellohello helloworld
helpme123 hesoyam1 holahola hotmail1 hotmail123 iamthebest iceman12 idontknow ihateyou ihateyou1 iloveall ilovegod
ilovehim ilovejesus iloveme1 iloveme123 iloveme2 ilovemom ilovemyself ilovesex iloveyou iloveyou! iloveyou1 iloveyou12
iloveyou123 iloveyou2 iloveyou22 iloveyou3 iloveyou7 iloveyoubaby iloveyouso imissyou internet internet1 ironmaiden
jackass1 jesus123 jesus777 jesuschrist jesusfreak jesusis1 jesusislord jesuslovesme jjjjjjjj johncena justdoit
justinbieber kamikaze kissmyass kkkkkkkk klop9090 kristina letmein! letmein01 letmein1 letmein12 letmein123 letmein2
letmein22 letmein321 lifeisgood livelife liverpool liverpool1 llllllll login123 lol123123 lol12345 lol123456 lolololo
lovehurts loveislife lovelove loverboy lovergirl loveyou1 loveyou2 maganda1 mahalkita mahalko1 manchester mancity1
margarita marlboro master12 mercedes metallica microsoft mississippi mnbvcxz1 mnbvcxzlkjhgfdsa monkey12 monkeys1
motdepasse motorola mustang1 mylove123 mypass123 mypassword myspace1 myspace123 naruto123 ncc1701a ncc1701d ncc1701e
nevermind newyork1 nintendo nirvana1 nokia123 nokia6300 nokian73 nopassword northside nothing1 ohmygod1 onelove1
oooooooo opensesame operator overlord p0o9i8u7 p455w0rd p4ssw0rd p@$$w0rd p@55w0rd p@ssw0rd p@ssw0rd! p@ssw0rd1
p@ssw0rd12 p@ssw0rd123 p@ssword p@ssword1 p@ssword123 pa$$w0rd pa$$word pa55w0rd pa55word pakistan pakistan1 parola123
pasaway1 pass1234 pass12345 pass123456 pass@123 pass@word1 passpass passport passw0rd passw0rd! passw0rd1 passw0rd12
passw0rd123 password password! password!1 password!123 password#1 password$1 password0 password00 password01
password02 password1 password1! password10 password11 password12 password12! password123 password123! password1234
password12345 password123456 password13 password2 password22 password23 password3 password321 password4 password5
password6 password69 password7 password77 password8 password88 password9 password99 password@1 password@123
passwordpassword passwords passwort passwort1 passwort123 pepsicola personal pikachu1 pimpin12 playboy1 playstation
playstation2 poiuytre poiuytrewq pokemon1 pokemon123 popopopo porsche9 porsche911 portugal princess princess1
princess12 princess123 private1 q1234567 q12345678 q123456789 q1q1q1q1 q1q2q3q4 q1w2e3r4 q1w2e3r4t5 q1w2e3r4t5y6
qawsedrf qawsedrftg qaz12345 qaz123456 qaz123wsx qazplm12 qazqazqaz qazwsx12 qazwsx123 qazwsxed qazwsxedc qazwsxedc1
qazwsxedc123 qazwsxedcrfv qazxcvbnm qazxsw12 qazxsw123 qazxsw21 qazxswedc qq123456 qq123456789 qqqq1111 qqqqqqqq
qqqqqqqqqq qqqqwwww qqww1122 qqwweerr quertyui qwaszx12 qwe12345 qwe123456 qwe123asd qwe123qwe qwe123rty qweasd12
qweasd123 qweasdzx qweasdzxc qweasdzxc1 qweasdzxc123 qweewq123 qweqwe11 qweqwe12 qweqwe123 qweqweqwe qwer1234
qwer12345 qwer123456 qwer4321 qwerasdf qwerasdfzxcv qwerqwer qwert123 qwert1234 qwert12345 qwerty00 qwerty01 qwerty09
qwerty10 qwerty11 qwerty12 qwerty123 qwerty1234 qwerty12345 qwerty123456 qwerty13 qwerty21 qwerty22 qwerty23 qwerty321
qwerty45 qwerty54321 qwerty55 qwerty66 qwerty67 qwerty69 qwerty77 qwerty78 qwerty789 qwerty88 qwerty89 qwerty90
qwerty99 qwertyqwerty qwertyu1 qwertyu8 qwertyui qwertyui1 qwertyuio qwertyuio1 qwertyuiop qwertyuiop1 qwertyuiop10
qwertyuiop12 qwertyuiop123 qwertyuiop123456789 qwertyuiop[] qwertyuiopasdfghjkl qwertyuiopasdfghjklzxcvbnm qwertzui
qwertzuiop raiders1 rainbow1 realmadrid redskins remember requiem1 rockstar rockyou1 root1234 root123456 rootroot
rrrrrrrr runescape runescape1 rush2112 samsung1 samsung12 samsung123 sandiego santiago satan666 scarface school12
scooby12 secret12 secret123 security senha123 senha1234 sexsexsex sexybitch sexygirl sexylady sexymama shithead
silver12 skywalker slipknot slipknot1 slipknot666 snickers snowball snowboard snowflake soccer10 soccer11 soccer12
soccer13 softball southside spiderman spiderman1 spongebob spongebob1 ssssssss stalker1 startrek starwars starwars1
steelers stonecold stratocaster strawberry student1 student123 stupid123 suckmydick sunflower sunshine sunshine1
sunshine12 super123 superman superman1 superman12 superman123 supernova superstar switzer1 swordfish system123
system32 t-bone12 teamomucho temp1234 temporary temppass temptemp test1234 test12345 test123456 test123test testing1
testing12 testing123 testpass testtest testtest1 testuser thebest1 thunder1 thx11380 tinkerbell titanic1 toor1234
toshiba1 trewq321 trustno1 trustno1! trustno12 tttttttt twilight undertaker unknown1 user1234 user12345 vagabond
valentin valentine vampire1 victoria viktoria vvvvvvvv warcraft warhammer wasdwasd welcome! welcome01 welcome1
welcome1! welcome12 welcome123 welcome123! welcome1234 welcome2 welcome@1 welcome@123 whateva1 whatever whatever1
wilson12 wolverine wordpass worldcup www12345 wwwwwwww x1x2x3x4 xxx12345 xxxxxxxx xxxxxxxxx xxxxxxxxxx yahoo123
yellow12 yfnfkmz1 yourmom1 youtube1 youtube123 yxcvbnm1 yyyyyyyy z1x2c3v4 z1x2c3v4b5 zaq11qaz zaq12345 zaq12wsx
zaq1@wsx zaq1xsw2 zaq1zaq1 zaqwsx12 zaqwsx123 zaqwsxcde zaqxswcde zasada12 zxasqw12 zxc12345 zxc123456 zxc123zxc
zxcasdqwe zxcasdqwe123 zxcv1234 zxcvasdf zxcvasdfqwer zxcvbn12 zxcvbn123 zxcvbnm, zxcvbnm,. zxcvbnm,./ zxcvbnm1
zxcvbnm12 zxcvbnm123 zxcvzxcv zxczxc123 zxczxczxc zzzzzzzz zzzzzzzzzz
`;

const WORDS = `
aardvark aaron abc aberdeen abigail access account achilles adidas admin adrian agent airborne aircraft airforce
airplane akira alabama alaska albert alberto alejandra alejandro aleksandr alex alexander alexandra alexis alfredo
alice alicia aliens allison alpha always amanda amber america american amsterdam anaconda anastasia anderson andre
andrea andreas andrei andrew andrey angel angela angelica angelina angelo angels animal annie anthony antonio anything
apollo apple apples april aquarius arizona arkansas arsenal arthur artist asdf asdfgh ashley ashton assassin asshole
astros athena atlanta atlantic atlantis august austin australia author autumn avatar awesome azerty babe babies baby
babyboy babydoll babygirl babylon bailey balls baltimore banana bandit barbara barbie barcelona baritone barney
baseball basement basketball bastard batman beach beagle bearbear beatles beatrice beautiful beauty beaver becky
beefcake beethoven belle benfica benjamin benny berkeley berlin bernard bigballs bigboobs bigboy bigdaddy bigdick
bigdog billy billybob billyboy bird birmingham birthday biscuit bitch bitches black blackberry blackcat blackie
blackjack blackman blacky blade blanca blaster blessed blizzard blonde blood blossom blowjob blue blueeyes bluemoon
bluesky bobafett bobby bollocks bond bonehead bonjour boobies booboo boobs booger boomer bordeaux bosco boss boston
bowling bradford bradley brandi brandon brandy brasil braves brazil brenda brian brianna bridget bright bristol
britney britt brittany broncos brooke brooklyn brother brown bruce brucelee brutus bubba bubble bubbles buckeyes buddy
budlight budweiser buffalo bulldog bulldogs bullet bulls bullshit bunny business buster butter buttercup butterfly
butthole button cadillac caesar california calvin camaro cameron camille campbell canada cancer candy candyman capital
captain cardinal cardinals carlos carmen carol carolina caroline carter casper cassandra cassie catalina catherine
cavalier celtic celtics center central champion champions chance chandler chanel changeme chargers charles charlie
charlotte charlton charmed cheche checkers cheese chelsea cherokee cherry chester chevelle chevrolet chevy cheyenne
chicago chicken chiefs children china chivas chloe chocolate chopper chris christ christian christina christine
christmas christopher chuck cincinnati cindy claire clarence classic claudia clayton cleopatra clifford clinton
cocksucker coco codered coffee college colombia colorado columbia columbus commander commando compaq computer concrete
connecticut connor cookie cookies cool cooldude cooper copper corvette counter country courtney cowboy cowboys coyote
crazy creative cricket cristian cristina crusader crystal cuddles cupcake cupid cutie cyclone cynthia daddy daddysgirl
dakota dallas daniel daniela danielle danny dannyboy daredevil darkangel darkness darkside darkstar darren darwin
david deadhead deadman death debbie december defender deftones delaware dennis denver designer desire destiny detroit
devildog dexter diablo diamond diamonds diana dickhead diego digital dilbert dingdong director discover discovery
disney doberman doctor dodger dodgeram dodgers dog dolphin dolphins dominic dominique donald donkey doomsday doraemon
doughboy dragon dragons dreamer dreams drpepper drummer ducati duncan dynasty eagle eagles earthquake eclipse eddie
eduardo edward electric elizabeth elvis emily eminem emma empire england enigma enrique enter eric erica estrella
eternity everton everyone evolution excalibur explorer extreme facebook faith falcon falcons familia family fantasy
fashion fatima february felipe felix fender fenerbahce fernanda fernando ferrari fire fireball firebird firefly
fireman fishing flamingo fletcher florence florida flower flowers fluffy football forest forever formula france
francesco francis francisco frank frankie franklin freddy frederic fredfred freebird freedom freeman frenchie friday
friend friends froggy frontier fuck fucker fuckface fuckme fuckoff fuckyou function gabriel gabriela galatasaray
galaxy gandalf gangbang gangsta gangster garfield gateway gator gators gemini general genesis genius george gerald
german germany geronimo gerrard giants gibson ginger giovanni giraffe girls gizmo gloria godsmack gold goldberg golden
goldfish golf golfball golfer goober goodtime google gordon gracie graham grandma grandpa granny grasshopper green
greenday gregory gremlin guardian guest guinness guitar gunner guns hacker hahaha halflife hamilton hammer hamster
handsome hannah hannibal happy hardcore harley harold harrison harry hastings haters hawaii heather heaven hector heka
hellfire hello hellokitty help henry hercules hermione highland highlander hockey holiday holly hollywood home homer
honda honey hongkong hooters hope horney horse horses hotdog hotmail hotrod hottie house houston howard hummer hunter
hunting hurricane icecream iceman iloveyou immortal imperial indian indiana indigo infantry infiniti infinity insane
integra inter internet intrepid ireland ironman isabel isabella isabelle islander italia jack jackie jackson jacob
jaguar jake james jamesbond jamie janice january jasmine jason jasper javier jayden jeffrey jellybean jennifer
jeremiah jeremy jerry jersey jessica jessie jesus jimmy joanna joe john johnny johnson jonathan jordan jordan23 jorge
joseph joshua julian juliana julie juliet july june junior jupiter justice justin juventus karen karina katerina
katherine kathleen kathy katie kawasaki kayla keith kelly kelsey kenneth kentucky kevin keyboard keystone killer
kimberly king kingdom kingkong kings kingston kisses kissme kitten kitty kittycat knight knights kristen kristin
labrador lacrosse ladybug lakers lancelot lasvegas laura lauren lawrence leather lebron lee legend leonardo lesbian
lesbians leslie letmein liberty lifetime lightning linda lindsay lindsey linkin lion lionking lisa little liverpool
lizard logan login logitech lolita lollipop london lonestar lonewolf lorraine loser louis louise love lovely loveme
lover loverboy lovers loveyou lowrider lucas lucky lucky7 madison maggie magic magician magnolia maine malibu manager
mandarin mandingo marathon marcus margaret maria mariah marie marijuana marina marine mariners marines mario marissa
mark marlboro marley marshall martha martin martina martinez marvin mary maryjane maryland master matrix matthew
maverick maxwell mazda meadow meatball megadeth megan megatron melanie melissa mercedes merlin mermaid mexico miami
michael michaela micheal michelle michigan mickey microlab midnight miguel mike military miller million milwaukee
minecraft minnesota minnie miranda mitchell molly monday money mongoose monica monika monkey monkeys monopoly monster
montana montreal monty moon moose morgan morpheus morrison mother motorcycle motorola mountain mouse muffin munchkin
murphy mushroom music musician mustang myspace napoleon naruto nascar natalia natalie natasha nathalie nathan national
naughty nebraska nelson network nevada newport newyork nicholas nicole nightmare nikita nikki nipples nirvana nissan
nokia nostradamus nothing november number1 obama oblivion october office ohio oklahoma oliver olivia olympus online
orange orlando oscar outlaw pacific packers paintball paloma pamela panasonic panda pantera panther panthers paradise
paris parker party pass passat passion passw0rd password passwort patches patricia patrick patriots paul pavilion
peaches peanut pearl pearljam pebbles peekaboo penelope penguin penis pepper pepsi perfect peter peterpan phantom
philip phillies phoenix phone piglet pimp pimpin pineapple pink pinkfloyd pinky pirate pittsburgh platinum player
playtime please pleasure plymouth pokemon pontiac poohbear pookie popcorn popeye porkchop porn pornstar porsche
portland power precious predator presario preston prince princesa princess private propaganda pumpkin punisher
punkrock puppies puppy purple pussy pussycat qazwsx qazwsxedc qwe qweasd qwerty qwertyuiop rabbit rachel racing
ragnarok raiders rainbow rammstein ranger rangers raymond realmadrid rebecca rebel red redalert redsox redwings regina
register remember renato renegade republic research revolution ricardo richard richmond robert roberto robin robinson
rocket rockon rocky rodrigo roger rolltide ronaldo root rootbeer rosario rose rosebud rosemary runner rush russia
rusty ryan sabrina sacramento sailboat sailor salvador samantha sammy samson samsung samuel samurai sandra sandy
sapphire sarah sasha saturn savannah scarlett school scooby scooter scorpio scorpion scotland scott seahawks seattle
sebastian secret seinfeld seminole seminoles sentinel september serena serenity service sexy shadow shamrock shannon
sharon shelby sherlock shirley shit shopping shorty showtime sierra silver simon simple simpsons skater skippy
skittles skywalker slayer smile smiley smith smokey snoopy snowball snowman soccer socrates software soldier sophia
sophie southern spanky sparky spartan spartans special spectrum spider spiderman spirit spitfire spring squirrel
squirt stallion standard stanley star starcraft stardust starfish stargate stars starwars steelers stella stephanie
stephen sterling steve steven stewart sticky stingray stockings stranger strawberry stripper student stupid success
sugar summer sundance sunday sunflower sunny sunset sunshine super superfly superman superstar surfer susan suzuki
svetlana sweet sweetheart sweetie sweetpea swimmer swimming swordfish sydney sylvia syracuse system tacobell tamara
tanner tarheels taurus taylor teacher technics teddy teddybear tennessee tennis teresa terminator test tester testing
texas thailand thankyou theman theodore theresa thomas thompson thuglife thunder tiffany tiger tigers tigger time tina
tinker titanic tommy tony tornado tottenham toyota training travis trinity tristan trombone trouble trucks truelove
trustno tsunami turtle tweety twilight twister ultimate undertaker unicorn united universe user vacation valentina
valhalla vampire vanessa vanhalen vegas venus vermont veronica veronika victor victoria victory viking vikings vincent
violin viper virgin virginia vladimir volkswagen volleyball voyager walker walter warcraft warrior washington water
waterfall waterloo webmaster weed welcome wendy werewolf westside whatever whiskey white whocares wildcat wildcats
william williams willow wilson windows winner winnie winston winter wisconsin wizard wolf wolfgang wolfpack wolverine
wolverines wolves women wonder wrangler wyoming xavier xbox360 xxx yahoo yamaha yankee yankees yellow yolanda young
zachary zaq12wsx zeppelin zombie zxcv zxcvbn zxcvbnm
`;

/** What people put behind a word to make it long enough, or to satisfy a rule. */
const ENDINGS = `
! 1 2 3 4 5 7 8 9 0 00 01 02 03 07 10 11 12 13 14 15 16 18 19 20 21 22 23 24 25 27 33 44 55 66 69 77 88 99 007 101 111
123 222 321 333 420 456 666 777 789 888 911 999 1! 123! 1234 12345 123456 @1 @123 #1 1234! s s1 1980 1981 1982 1983 1984 1985
1986 1987 1988 1989 1990 1991 1992 1993 1994 1995 1996 1997 1998 1999 2000 2001 2002 2003 2004 2005 2006 2007 2008 2009
2010 2011 2012 2013 2014 2015 2016 2017 2018 2019 2020 2021 2022 2023 2024 2025 2026 2027
`;

const words = (text: string) => text.split(/\s+/).filter((word) => word !== '');

const WHOLES: ReadonlySet<string> = new Set([...words(WHOLE), ...words(WORDS)]);
const STEMS: ReadonlySet<string> = new Set(words(WORDS));
const TAILS: ReadonlySet<string> = new Set(words(ENDINGS));
/** Old systems kept eight characters, and so do the lists that leaked from them. */
const CLIPPED: ReadonlySet<string> = new Set([...WHOLES].map((word) => word.slice(0, 8)));
const LONGEST_TAIL = Math.max(...[...TAILS].map((tail) => tail.length));

/** Whether a password is among the commonest, in whatever case it is typed. */
export function isCommonPassword(password: string): boolean {
  const lower = password.toLowerCase();
  if (WHOLES.has(lower) || CLIPPED.has(lower)) return true;
  if (/^(.)\1*$/u.test(lower)) return true;
  for (let tail = 1; tail <= LONGEST_TAIL && tail < lower.length; tail++)
    if (TAILS.has(lower.slice(-tail)) && STEMS.has(lower.slice(0, -tail))) return true;
  return isTwice(lower);
}

/** `monkeymonkey`: a word said twice. */
function isTwice(text: string): boolean {
  const half = text.slice(0, text.length / 2);
  return half + half === text && STEMS.has(half);
}
