# The agent of the Nomad autoscaler: the plugin is the file `evscale` in its folder of plugins.
plugin_dir = "/opt/nomad-autoscaler/plugins"

apm "prometheus" {
  driver = "prometheus"
  config = {
    address = "http://prometheus.service.consul:9090"
  }
}

strategy "evscale" {
  driver = "evscale"
  config = {
    state_dir = "/var/lib/nomad-autoscaler/evscale"
  }
}
