package schemas

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// ruleKinds are the rules by the names that they have in JSON.
var ruleKinds = []Rule{Capability{}, SameAmount{}, SameCurrency{}, MethodCurrency{}, WalletCurrency{}, Required{}, Range{}, Pattern{}, Vocabulary{}, Referential{}, Number{}, Once{}, Chain{}, Freshness{}, Volume{}}

// plainCheck is a check without its rule.
type plainCheck Check

type checkJSON struct {
	plainCheck
	Rule json.RawMessage
	Kind string
}

// MarshalJSON writes a check with the kind of its rule, so that it can be read
// again.
func (c Check) MarshalJSON() ([]byte, error) {
	rule, err := json.Marshal(c.Rule)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", c.Name, err)
	}
	out := checkJSON{plainCheck: plainCheck(c), Rule: rule, Kind: reflect.TypeOf(c.Rule).Name()}
	out.plainCheck.Rule = nil
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *Check) UnmarshalJSON(data []byte) error {
	var in checkJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	for _, kind := range ruleKinds {
		if t := reflect.TypeOf(kind); t.Name() == in.Kind {
			rule := reflect.New(t)
			if err := json.Unmarshal(in.Rule, rule.Interface()); err != nil {
				return fmt.Errorf("check %s: %w", in.Name, err)
			}
			*c = Check(in.plainCheck)
			c.Rule = rule.Elem().Interface().(Rule)
			return nil
		}
	}
	return fmt.Errorf("check %s has a rule of kind %q, which this paylake does not know", in.Name, in.Kind)
}
