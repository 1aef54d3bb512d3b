package evscale

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sameWeights are the bundled models under another version.
func sameWeights(t *testing.T) BundleFiles {
	files, err := BundledFiles()
	must(t, files, err)
	files.Manifest = bytes.Replace(files.Manifest, []byte(`"version": "`), []byte(`"version": "again-`), 1)
	return files
}

func loaded(t *testing.T, files BundleFiles) *Bundle {
	bundle, err := NewBundle(files)
	must(t, bundle, err)
	t.Cleanup(bundle.Close)
	return bundle
}

// models is what a pool says of its models.
func models(t *testing.T, pool *Pool) (status struct {
	Champion, Challenger, Predecessor, Pinned *string
	Events                                    []struct{ Kind, Reason string }
}) {
	t.Helper()
	text, err := pool.JSON(ModelsJSON)
	must(t, 0, json.Unmarshal(must(t, text, err), &status))
	return status
}

func TestBundlesAreReadCheckedAndClosed(t *testing.T) {
	folder, files := t.TempDir(), sameWeights(t)
	public, secret, err := ed25519.GenerateKey(nil)
	must(t, 0, err)
	if _, err := ReadBundle(folder, nil); !errors.Is(err, ErrIO) || !strings.Contains(err.Error(), folder) {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"manifest.json": files.Manifest, "forecaster.onnx": files.Forecaster, "policy.onnx": files.Policy,
		"manifest.sig": ed25519.Sign(secret, files.Manifest),
	} {
		must(t, 0, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	signed, err := ReadBundle(folder, public)
	defer must(t, signed, err).Close()
	text, err := signed.JSON()
	if !strings.Contains(string(must(t, text, err)), "again-") {
		t.Fatal(string(text))
	}
	other, _, err := ed25519.GenerateKey(nil)
	must(t, 0, err)
	if _, err := ReadBundle(folder, other); !errors.Is(err, ErrInvalidBundle) {
		t.Fatal(err)
	}
	if _, err := ReadBundle(folder, []byte("short")); !errors.Is(err, ErrInvalidArgument) {
		t.Fatal(err)
	}
	files.Forecaster = files.Forecaster[1:]
	if _, err := NewBundle(files); !errors.Is(err, ErrInvalidBundle) {
		t.Fatal(err)
	}
	signed.Close()
	signed.Close()
	if _, err := NewWith(signed, nil); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	var inside *Bundle
	if text, err := inside.JSON(); strings.Contains(string(must(t, text, err)), "again-") {
		t.Fatal(string(text))
	}
}

func TestOtherModelsAreTriedPromotedBroughtBackAndPinned(t *testing.T) {
	scaler, other := made(t, Config{"max_jobs": 50}), loaded(t, sameWeights(t))
	if _, err := scaler.JSON(ModelsJSON); !errors.Is(err, ErrNothingYet) {
		t.Fatal(err)
	}
	for _, refused := range []error{scaler.Promote("r"), scaler.RollBack("r"), scaler.Challenge(nil), scaler.SetBundle(other, "a\x00b")} {
		if !errors.Is(refused, ErrInvalidArgument) {
			t.Fatal(refused)
		}
	}
	must(t, 0, scaler.Challenge(other))
	champion := *models(t, &scaler.Pool).Champion
	for i := 0; i < 60; i++ {
		_, err := scaler.Observe(recordAt(i))
		must(t, 0, err)
		decision, err := scaler.Decide()
		must(t, decision, err)
		switch i {
		case 20:
			must(t, 0, scaler.PinModels("a quiet week"))
			if err := scaler.Promote("now"); !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), "a quiet week") {
				t.Fatal(err)
			}
			must(t, 0, scaler.UnpinModels())
			must(t, 0, scaler.Promote("it is better"))
		case 40:
			if status := models(t, &scaler.Pool); *status.Champion == champion || *status.Predecessor != champion {
				t.Fatal(status)
			}
			must(t, 0, scaler.RollBack("it is not"))
		}
	}
	status := models(t, &scaler.Pool)
	if *status.Champion != champion || status.Predecessor != nil {
		t.Fatal(status)
	}
	kinds := ""
	for _, event := range status.Events {
		kinds += event.Kind + " "
	}
	if kinds != "challenged pinned unpinned promoted rolled_back " || status.Events[4].Reason != "it is not" {
		t.Fatal(status.Events)
	}
	must(t, 0, scaler.SetBundle(other, "a release"))
	state, err := scaler.Snapshot()
	restored, err2 := RestoreWith(other, Config{"max_jobs": 50}, must(t, state, err))
	defer must(t, restored, err2).Close()
	if there := models(t, &restored.Pool); *there.Champion != *models(t, &scaler.Pool).Champion || *there.Predecessor != champion {
		t.Fatal(there)
	}
	if ended, err := scaler.EndChallenge("enough"); !must(t, ended, err) {
		t.Fatal("the predecessor was there")
	}
	if ended, err := scaler.EndChallenge("enough"); must(t, ended, err) {
		t.Fatal("nobody was there")
	}
}

func TestAShareOfAFleetTriesAndTakesOtherModels(t *testing.T) {
	other := loaded(t, sameWeights(t))
	fleet, err := NewFleetWith(nil)
	defer must(t, fleet, err).Close()
	must(t, 0, fleet.Add("a", nil))
	must(t, 0, fleet.Add("b", nil))
	if _, err := fleet.Challenge(other, 1.5); !errors.Is(err, ErrInvalidArgument) {
		t.Fatal(err)
	}
	if pools, err := fleet.Challenge(other, 0); must(t, pools, err) != 0 {
		t.Fatal(pools)
	}
	if pools, err := fleet.Challenge(other, 1); must(t, pools, err) != 2 {
		t.Fatal(pools)
	}
	a, b := fleet.Pool("a"), fleet.Pool("b")
	must(t, 0, a.Promote("now"))
	must(t, 0, a.RollBack("late events"))
	must(t, 0, b.PinModels("not this one"))
	if err := b.Promote("now"); !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), "not this one") {
		t.Fatal(err)
	}
	if err := fleet.Pool("c").Promote("now"); !errors.Is(err, ErrUnknownPool) {
		t.Fatal(err)
	}
	if ended, err := b.EndChallenge("enough"); !must(t, ended, err) {
		t.Fatal("it was there")
	}
	if ended, err := b.EndChallenge("enough"); must(t, ended, err) {
		t.Fatal("nobody was there")
	}
	must(t, 0, fleet.Add("c", nil))
	if pools, err := fleet.RollOut(other, 1, "a release"); must(t, pools, err) != 1 {
		t.Fatal(pools, "c alone: a rolled them back, b is pinned")
	}
	if status := models(t, fleet.Pool("c")); status.Events[0].Kind != "replaced" || status.Events[0].Reason != "a release" {
		t.Fatal(status)
	}
}
