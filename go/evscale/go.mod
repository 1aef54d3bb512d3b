module github.com/evscale/evscale/go/evscale

go 1.21
