"""What is said in English."""

RULES = """#JSGF V1.0;
grammar en;

<yes> = yes | yeah | yep | yes please | that's right | correct;
<no> = no | nope | no thanks | no thank you | wrong;

<digit> = zero {0} | oh {0} | <unit>;
<unit> = one {1} | two {2} | three {3} | four {4} | five {5} | six {6} | seven {7} | eight {8} | nine {9};
<teen> = ten {10} | eleven {11} | twelve {12} | thirteen {13} | fourteen {14} | fifteen {15} | sixteen {16}
    | seventeen {17} | eighteen {18} | nineteen {19};
<low_tens> = twenty {2} | thirty {3} | forty {4} | fifty {5};
<tens> = <low_tens> | sixty {6} | seventy {7} | eighty {8} | ninety {9};
<pair> = <teen> | <tens> {out = rules.tens + "0"} | <tens> <unit> {out = rules.tens + rules.unit};
<below_hundred> = <unit> {out = "0" + rules.unit} | <pair>;

<hundreds> = a {1} | <unit>;
<below_thousand> = <below_hundred> {out = "0" + rules.below_hundred}
    | <hundreds> hundred {out = rules.hundreds + "00"}
    | <hundreds> hundred [and] <below_hundred> {out = rules.hundreds + rules.below_hundred};
<thousands> = a {1} | <below_thousand>;
<whole> = zero {0} | <below_thousand>
    | <pair> hundred {out = rules.pair + "00"}
    | <pair> hundred [and] <below_hundred> {out = rules.pair + rules.below_hundred}
    | <thousands> thousand {out = rules.thousands + "000"}
    | <thousands> thousand [and] <below_thousand> {out = rules.thousands + rules.below_thousand};
<point> = point;

<cents> = <below_hundred> (cent | cents);
<amount> = <whole> (dollar | dollars | euro | euros | pound | pounds) {out = rules.whole}
        [[and] <cents> {out += "*" + rules.cents}]
    | <cents> {out = "0*" + rules.cents};

<month> = january {01} | february {02} | march {03} | april {04} | may {05} | june {06} | july {07} | august {08}
    | september {09} | october {10} | november {11} | december {12};
<day> = first {01} | second {02} | third {03} | fourth {04} | fifth {05} | sixth {06} | seventh {07} | eighth {08}
    | ninth {09} | tenth {10} | eleventh {11} | twelfth {12} | thirteenth {13} | fourteenth {14} | fifteenth {15}
    | sixteenth {16} | seventeenth {17} | eighteenth {18} | nineteenth {19} | twentieth {20} | twenty first {21}
    | twenty second {22} | twenty third {23} | twenty fourth {24} | twenty fifth {25} | twenty sixth {26}
    | twenty seventh {27} | twenty eighth {28} | twenty ninth {29} | thirtieth {30} | thirty first {31};
<century> = nineteen {19} | twenty {20};
<year> = two thousand {2000} | two thousand [and] <below_hundred> {out = "20" + rules.below_hundred}
    | <century> <pair> {out = rules.century + rules.pair} | <century> oh <unit> {out = rules.century + "0" + rules.unit};
<date> = <month> [the] <day> <year> {out = rules.year + rules.month + rules.day}
    | [the] <day> of <month> <year> {out = rules.year + rules.month + rules.day};

<hour> = one {01} | two {02} | three {03} | four {04} | five {05} | six {06} | seven {07} | eight {08} | nine {09}
    | ten {10} | eleven {11} | twelve {00};
<hour_after_noon> = one {13} | two {14} | three {15} | four {16} | five {17} | six {18} | seven {19} | eight {20}
    | nine {21} | ten {22} | eleven {23} | twelve {12};
<minute> = oh <unit> {out = "0" + rules.unit} | <teen> | <low_tens> {out = rules.low_tens + "0"}
    | <low_tens> <unit> {out = rules.low_tens + rules.unit};
<am> = a m | am | in the morning;
<pm> = p m | pm | in the afternoon | in the evening;
<past> = half past {30} | (quarter | a quarter) past {15};
<time> = noon {1200} | midnight {0000}
    | <hour> [o'clock] <am> {out = rules.hour + "00"}
    | <hour> <minute> <am> {out = rules.hour + rules.minute}
    | <past> <hour> <am> {out = rules.hour + rules.past}
    | <hour_after_noon> [o'clock] <pm> {out = rules.hour_after_noon + "00"}
    | <hour_after_noon> <minute> <pm> {out = rules.hour_after_noon + rules.minute}
    | <past> <hour_after_noon> <pm> {out = rules.hour_after_noon + rules.past};
<hour_24> = (zero | oh) {00} | (zero | oh) <unit> {out = "0" + rules.unit} | <unit> {out = "0" + rules.unit} | <teen>
    | twenty {20} | twenty one {21} | twenty two {22} | twenty three {23};
<time_24> = <time> | <hour_24> <minute> {out = rules.hour_24 + rules.minute} | <hour_24> hundred {out = rules.hour_24 + "00"};
<between> = [at];
"""
