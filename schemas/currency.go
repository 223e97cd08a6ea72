package schemas

import (
	"iter"
	"maps"
	"strings"
)

// Active ISO 4217 codes by number of minor-unit digits (list one, 2024-06).
const (
	currencies0 = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
	currencies2 = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD " +
		"CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ " +
		"GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT " +
		"MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD " +
		"SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES " +
		"WST XCD XCG YER ZAR ZMW ZWG"
	currencies3 = "BHD IQD JOD KWD LYD OMR TND"
	currencies4 = "CLF UYW"
)

var exponents = func() map[string]int {
	m := make(map[string]int, 200)
	for digits, list := range map[int]string{0: currencies0, 2: currencies2, 3: currencies3, 4: currencies4} {
		for _, code := range strings.Fields(list) {
			m[code] = digits
		}
	}
	return m
}()

// Currencies yields every active ISO 4217 currency with its fraction digits.
func Currencies() iter.Seq2[string, int] { return maps.All(exponents) }

// Exponent returns the number of fraction digits of an active ISO 4217
// currency: 2 for AZN and KGS.
func Exponent(currency string) (int, error) {
	e, ok := exponents[currency]
	if !ok {
		return 0, ErrCurrencyUnknown
	}
	return e, nil
}

// Exponents returns every active currency with its fraction digits, for the
// places (a warehouse view, a document) that need the whole list.
func Exponents() map[string]int {
	m := make(map[string]int, len(exponents))
	for k, v := range exponents {
		m[k] = v
	}
	return m
}
