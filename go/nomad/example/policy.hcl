# Workers of a queue. The checks are of one group, and that of the arrivals comes last: it decides.
scaling "checkout_workers" {
  enabled = true
  type    = "horizontal"
  min     = 2
  max     = 60

  policy {
    evaluation_interval = "30s"
    cooldown            = "1s"

    check "waiting" {
      group        = "checkout"
      source       = "prometheus"
      query        = "sum(checkout_queue_length)"
      query_window = "10m"

      strategy "evscale" {
        pool  = "checkout/workers"
        field = "queued_events_count"
      }
    }

    check "service time" {
      group        = "checkout"
      source       = "prometheus"
      query        = "1000 * sum(rate(checkout_work_seconds_sum[1m])) / sum(rate(checkout_work_seconds_count[1m]))"
      query_window = "10m"

      strategy "evscale" {
        pool  = "checkout/workers"
        field = "average_processing_duration_ms"
      }
    }

    check "arrivals" {
      group        = "checkout"
      source       = "prometheus"
      query        = "sum(rate(checkout_events_total[1m]))"
      query_window = "10m"

      strategy "evscale" {
        pool                = "checkout/workers"
        min_jobs            = 2
        max_jobs            = 60
        job_startup_seconds = 45
        sla_wait_seconds    = 20
        time_zone           = "Europe/Berlin"
      }
    }

    target "nomad-target" {
      Job   = "checkout"
      Group = "workers"
    }
  }
}
