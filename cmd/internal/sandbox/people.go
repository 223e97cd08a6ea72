// The six wallets of the world and the people they send money to.

package sandbox

import "strconv"

// person is one wallet and its habits: weights per role and class of bills.
type person struct {
	id, msisdn string
	busy       float64 // share of the rows
	roles      [4]float64
	bills      map[string]float64 // weight by class; absent classes are not paid
	meters     int                // subscribers per provider
	ceiling    int64              // above it money is passed on
}

// Roles that a slot may be meant for.
const (
	roleBill = iota
	roleOut
	roleIn
	roleTopup
)

// people is data: msisdns are made up, of real operators' ranges.
var people = []person{
	{"wlt_441b", "+994501234567", 1.0, [4]float64{58, 14, 8, 20}, map[string]float64{"home": 5, "mobile": 6, "net": 2, "bank": 1, "store": 1, "other": .4}, 1, 150_000},
	{"wlt_7c02", "+994552345678", 2.2, [4]float64{82, 2, 1, 15}, map[string]float64{"home": 10, "office": 14, "net": 3, "mobile": 1, "other": .3}, 24, 900_000},
	{"wlt_a9e3", "+994703456789", 1.1, [4]float64{42, 24, 18, 16}, map[string]float64{"mobile": 9, "net": 1, "store": 2, "other": .8}, 1, 60_000},
	{"wlt_15f8", "+994514567890", 1.3, [4]float64{56, 16, 10, 18}, map[string]float64{"home": 6, "mobile": 8, "net": 3, "bank": 2, "store": 2}, 2, 250_000},
	{"wlt_d260", "+994775678901", 1.7, [4]float64{14, 44, 34, 8}, map[string]float64{"mobile": 4, "office": 2, "bank": 2, "net": 1}, 3, 700_000},
	{"wlt_38bd", "+994996789012", 0.6, [4]float64{66, 4, 14, 16}, map[string]float64{"home": 8, "mobile": 3, "net": 1}, 1, 40_000},
}

// prefixes of mobile operators: Azercell, Bakcell, Nar, Naxtel.
var prefixes = []string{"50", "51", "10", "55", "99", "70", "77", "60"}

// peers is the number of people that one wallet knows.
const peers = 28

// peer returns the E.164 number of somebody that a wallet knows.
func peer(seed uint64, wallet, n int) string {
	d := diceAt(seed, purposePeer, place(wallet, 0, n%peers))
	prefix := prefixes[d.below(int64(len(prefixes)))]
	return "+994" + prefix + strconv.FormatInt(d.between(2_000_000, 8_999_999), 10)
}
