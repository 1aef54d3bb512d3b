module example.com/evscale-quickstart

go 1.19
