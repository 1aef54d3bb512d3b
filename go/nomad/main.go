// Command evscale is a strategy plugin of the Nomad autoscaler: the checks of a policy measure a pool, evscale decides its count.
// docs/nomad.md tells how it is set up.
package main

import (
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/nomad-autoscaler/plugins"
)

func main() {
	plugins.Serve(func(log hclog.Logger) interface{} { return newStrategy(log) })
}
