package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/evscale/evscale/go/evscale"
	"github.com/hashicorp/nomad-autoscaler/sdk"
)

// What the strategy block of a check has beside the settings of evscale.
const (
	poolKey  = "pool"
	fieldKey = "field"
	perKey   = "per_seconds"
)

// check is what a policy's check says.
type check struct {
	// pool that it measures.
	pool string
	// field of the record that its query gives.
	field string
	// perSeconds is the time that a count of its query is of.
	perSeconds float64
	// settings of evscale, in the check of the arrivals alone.
	settings evscale.Config
}

func parse(of *sdk.ScalingPolicyCheck) (check, error) {
	asked := check{field: arrivals, perSeconds: 1, settings: evscale.Config{}}
	for name, value := range of.Strategy.Config {
		switch name {
		case poolKey:
			asked.pool = value
		case fieldKey:
			asked.field = value
		case perKey:
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil || !(seconds > 0) || seconds > 86400 {
				return asked, fmt.Errorf("`%s` is %q, expected a number of seconds above 0, at most 86400", perKey, value)
			}
			asked.perSeconds = seconds
		default:
			asked.settings[name] = setting(value)
		}
	}
	if asked.pool == "" {
		return asked, errors.New("`" + poolKey + "` is missing, expected the name of the pool, such as that of job and group")
	}
	if _, known := fields[asked.field]; !known {
		return asked, fmt.Errorf("`%s` is %q, expected one of %s", fieldKey, asked.field, strings.Join(names(), ", "))
	}
	if asked.field != arrivals && len(asked.settings) > 0 {
		return asked, fmt.Errorf("settings of evscale beside `%s = %q`, expected them in the check of the arrivals", fieldKey, asked.field)
	}
	return asked, nil
}

// setting is a value of HCL, which hands texts, as JSON has it: a number, a flag, a list, or the text itself.
func setting(value string) any {
	if json.Valid([]byte(value)) {
		return json.RawMessage(value)
	}
	return value
}

func names() []string {
	all := make([]string, 0, len(fields))
	for name := range fields {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}
