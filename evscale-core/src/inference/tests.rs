#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use super::*;
use crate::error::ErrorKind;
use approx::abs_diff_eq;
use serde::Deserialize;
use std::panic::resume_unwind;

const LSTM: &[u8] = include_bytes!("../../tests/fixtures/long_memory_lstm.onnx");
const LSTM_CASES: &str = include_str!("../../tests/fixtures/long_memory_lstm.json");
const GRU: &[u8] = include_bytes!("../../tests/fixtures/long_memory_gru.onnx");
const GRU_CASES: &str = include_str!("../../tests/fixtures/long_memory_gru.json");
const HYBRID: &[u8] = include_bytes!("../../tests/fixtures/hybrid.onnx");
const HYBRID_CASES: &str = include_str!("../../tests/fixtures/hybrid.json");
const ACTOR: &[u8] = include_bytes!("../../tests/fixtures/actor.onnx");
const ACTOR_CASES: &str = include_str!("../../tests/fixtures/actor.json");
const ACTOR_NAN: &[u8] = include_bytes!("../../tests/fixtures/actor_nan.onnx");
const ACTOR_RANDOM: &[u8] = include_bytes!("../../tests/fixtures/actor_random.onnx");
const ACTOR_F64: &[u8] = include_bytes!("../../tests/fixtures/actor_f64.onnx");

/// Inputs, and what onnxruntime answers to them.
#[derive(Deserialize)]
struct Reference {
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
}

fn loaded(onnx: &[u8], cases: &str) -> (Network, Reference) {
    let reference: Reference = serde_json::from_str(cases).unwrap();
    assert!(reference.cases.len() > 1);
    (Network::load("fixture.onnx", onnx, &reference.inputs, &reference.outputs).unwrap(), reference)
}

fn answers(session: &mut Session, inputs: &[Vec<f32>]) -> Result<Vec<Vec<f32>>, crate::Error> {
    let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let mut outputs: Vec<Vec<f32>> =
        session.network().outputs().iter().map(|spec| vec![f32::NAN; spec.elements()]).collect();
    session.run(&inputs, &mut outputs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>())?;
    Ok(outputs)
}

fn bits(outputs: &[Vec<f32>]) -> Vec<u32> {
    outputs.iter().flatten().map(|value| value.to_bits()).collect()
}

fn close_to_onnxruntime(found: &[Vec<f32>], case: &Case) {
    assert_eq!(found.len(), case.outputs.len());
    for (found, expected) in found.iter().zip(&case.outputs) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                abs_diff_eq!(found, expected, epsilon = 1e-5),
                "{found} against {expected} of onnxruntime"
            );
        }
    }
}

/// The bits of every case, each run first in a session of its own.
fn first_bits(network: &Network, reference: &Reference) -> Vec<Vec<u32>> {
    let run = |case: &Case| {
        let found = answers(&mut Session::new(network), &case.inputs).unwrap();
        close_to_onnxruntime(&found, case);
        bits(&found)
    };
    reference.cases.iter().map(run).collect()
}

/// `calls` runs of one session in an order that mixes the cases.
fn repeats_bits(network: &Network, reference: &Reference, expected: &[Vec<u32>], calls: usize, seed: usize) {
    let mut session = Session::new(network);
    let mut state = seed;
    for call in 0..calls {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let index = (state >> 33) % reference.cases.len();
        let found = answers(&mut session, &reference.cases[index].inputs).unwrap();
        assert_eq!(bits(&found), expected[index], "case {index} at call {call}");
    }
}

fn refusal(onnx: &[u8], inputs: &[TensorSpec], outputs: &[TensorSpec]) -> String {
    let error = Network::load("fixture.onnx", onnx, inputs, outputs).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidBundle, "{error}");
    assert!(error.to_string().starts_with("fixture.onnx: "), "{error}");
    error.to_string()
}

fn spec(name: &str, shape: &[usize]) -> TensorSpec {
    TensorSpec { name: name.to_string(), shape: shape.to_vec() }
}

#[test]
fn equal_inputs_give_equal_bits_whatever_ran_before() {
    for (onnx, cases) in [(LSTM, LSTM_CASES), (GRU, GRU_CASES), (HYBRID, HYBRID_CASES), (ACTOR, ACTOR_CASES)]
    {
        let (network, reference) = loaded(onnx, cases);
        let expected = first_bits(&network, &reference);
        assert_ne!(expected[0], expected[1]);
        repeats_bits(&network, &reference, &expected, 1_000, 1);
    }
}

#[test]
fn equal_inputs_give_equal_bits_on_every_thread() {
    for (onnx, cases) in [(LSTM, LSTM_CASES), (HYBRID, HYBRID_CASES)] {
        let (network, reference) = loaded(onnx, cases);
        let expected = first_bits(&network, &reference);
        std::thread::scope(|scope| {
            let (network, reference, expected) = (&network, &reference, &expected);
            let threads: Vec<_> = (0..4)
                .map(|seed| scope.spawn(move || repeats_bits(network, reference, expected, 250, seed)))
                .collect();
            for thread in threads {
                thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            }
        });
    }
}

#[test]
fn loading_again_gives_equal_bits() {
    let (network, reference) = loaded(HYBRID, HYBRID_CASES);
    let expected = first_bits(&network, &reference);
    for _ in 0..5 {
        assert_eq!(first_bits(&loaded(HYBRID, HYBRID_CASES).0, &reference), expected);
    }
}

#[test]
fn networks_and_sessions_cross_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Network>();
    shared::<Session>();
}

#[test]
fn tensors_are_matched_by_name() {
    let (network, reference) = loaded(HYBRID, HYBRID_CASES);
    let reversed = |specs: &[TensorSpec]| specs.iter().rev().cloned().collect::<Vec<_>>();
    let other =
        Network::load("fixture.onnx", HYBRID, &reversed(network.inputs()), &reversed(network.outputs()))
            .unwrap();
    let case = &reference.cases[0];
    let mut inputs = case.inputs.clone();
    inputs.reverse();
    let mut found = answers(&mut Session::new(&other), &inputs).unwrap();
    found.reverse();
    close_to_onnxruntime(&found, case);
}

#[test]
fn a_truncated_file_is_refused() {
    let (network, _) = loaded(HYBRID, HYBRID_CASES);
    for share in 0..40 {
        let end = HYBRID.len() * share / 40;
        refusal(&HYBRID[..end], network.inputs(), network.outputs());
    }
}

#[test]
fn garbage_is_refused() {
    let (network, _) = loaded(ACTOR, ACTOR_CASES);
    let mut state = 7_u32;
    let noise: Vec<u8> = (0..5_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    for bytes in [&noise[..], b"", b"not a network", &[0; 4_096], &[255; 64]] {
        refusal(bytes, network.inputs(), network.outputs());
    }
    let large = refusal(&vec![0; (32 << 20) + 1], network.inputs(), network.outputs());
    assert!(large.contains("33554433 bytes, expected at most 33554432"), "{large}");
}

#[test]
fn a_damaged_file_is_refused_or_runs_but_never_panics() {
    let (network, reference) = loaded(LSTM, LSTM_CASES);
    for position in (0..LSTM.len()).step_by(7) {
        let mut damaged = LSTM.to_vec();
        damaged[position] ^= 0x55;
        match Network::load("fixture.onnx", &damaged, network.inputs(), network.outputs()) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidBundle, "{error}"),
            Ok(network) => {
                if let Err(error) = answers(&mut Session::new(&network), &reference.cases[0].inputs) {
                    assert_eq!(error.kind(), ErrorKind::Inference, "{error}");
                }
            }
        }
    }
}

#[test]
fn a_wrong_name_is_refused() {
    let (state, logits) = ([spec("state", &[6])], [spec("logits", &[5])]);
    assert!(Network::load("fixture.onnx", ACTOR, &state, &logits).is_ok());
    let input = refusal(ACTOR, &[spec("stage", &[6])], &logits);
    assert!(input.contains(r#"inputs are ["state"], expected ["stage"]"#), "{input}");
    let output = refusal(ACTOR, &state, &[spec("actions", &[5])]);
    assert!(output.contains(r#"outputs are ["logits"], expected ["actions"]"#), "{output}");
    let count = refusal(ACTOR, &[spec("state", &[6]), spec("calendar", &[2])], &logits);
    assert!(count.contains(r#"inputs are ["state"], expected ["state", "calendar"]"#), "{count}");
    let twice = refusal(HYBRID, &[spec("context", &[5, 4]), spec("context", &[5, 4])], &logits);
    assert!(twice.contains(r#"inputs are ["context", "calendar"]"#), "{twice}");
}

#[test]
fn a_wrong_shape_or_type_is_refused() {
    let (state, logits) = ([spec("state", &[6])], [spec("logits", &[5])]);
    let input = refusal(ACTOR, &[spec("state", &[7])], &logits);
    assert!(input.contains("input `state` has shape [any, 6], expected [1, 7]"), "{input}");
    let rank = refusal(ACTOR, &[spec("state", &[2, 3])], &logits);
    assert!(rank.contains("input `state` has shape [any, 6], expected [1, 2, 3]"), "{rank}");
    let output = refusal(ACTOR, &state, &[spec("logits", &[4])]);
    assert!(output.contains("output `logits` is F32 of shape"), "{output}");
    assert!(output.contains("1,5") && output.contains("expected F32 of shape [1, 4]"), "{output}");
    let double = refusal(ACTOR_F64, &state, &logits);
    assert!(double.contains("input `state` is of type DOUBLE, expected FLOAT"), "{double}");
    let empty = refusal(ACTOR, &[spec("state", &[0])], &logits);
    assert!(empty.contains("`state` [0] holds 0 numbers"), "{empty}");
}

#[test]
fn random_numbers_are_refused() {
    let error = refusal(ACTOR_RANDOM, &[spec("state", &[6])], &[spec("logits", &[5])]);
    assert!(error.contains("of node `noise` keeps a state between runs"), "{error}");
}

fn hostile(name: &str) -> Vec<u8> {
    std::fs::read(format!("tests/fixtures/hostile/{name}.onnx")).unwrap()
}

#[test]
fn a_file_that_asks_for_much_memory_or_time_is_refused_before_it_is_computed() {
    let (observation, logits) = ([spec("observation", &[24])], [spec("logits", &[11])]);
    let load = |name: &str| Network::load("fixture.onnx", &hostile(name), &observation, &logits);
    assert!(load("healthy").is_ok());
    assert!(load("dimension_names").is_ok(), "names of dimensions are not parsed");
    let cases = [
        ("constant_of_shape", "gives 1073741824 numbers"),
        ("expand", "gives 1073741824 numbers"),
        ("tile", "gives 1073741824 numbers"),
        ("range", "gives 1073741824 numbers"),
        ("one_hot", "gives 1073741824 numbers"),
        ("pad", "operator Pad of node `Pad_big` has constant inputs alone"),
        ("pad_of_input", "not a usable ONNX file"),
        ("expand_of_input", "numbers in 2 dimensions, expected at most 16777216"),
        ("resize", "numbers in 4 dimensions, expected at most 16777216"),
        ("outer_product", "gives 17179869184 numbers"),
        ("doubled", "gives 33554432 numbers"),
        ("rank", "in 200 dimensions, expected at most 16777216 in 16"),
        ("loop", "operator Loop has a graph of its own"),
        ("convolution", "multiplications, expected at most 2.1e9"),
        ("convolution_of_input", "multiplications, expected at most 2.1e9"),
        ("pooling_of_input", "multiplications, expected at most 2.1e9"),
        ("matrices", "multiplications, expected at most 2.1e9"),
        ("matrices_of_input", "multiplications, expected at most 2.1e9"),
        ("einsum", "multiplications, expected at most 2.1e9"),
        ("recurrence", "multiplications, expected at most 2.1e9"),
        ("recurrence_of_input", "multiplications, expected at most 2.1e9"),
        ("links", "inputs and outputs of operators, expected at most 8192"),
        ("recurrent_layers", "graph has 33 recurrent layers, expected at most 32"),
        ("norms", "parts together, expected at most 4000"),
    ];
    for (name, part) in cases {
        let error = load(name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidBundle, "{error}");
        assert!(error.to_string().contains(part), "{name}: {error}");
    }
}

#[test]
fn too_many_operators_and_constants_are_refused() {
    // field 7 of a model is its graph, of which field 1 is an operator and field 5 a constant; fields that come again are appended
    let more = |field: u8, count: usize| {
        let mut onnx = hostile("healthy");
        (0..count).for_each(|_| onnx.extend([0x3a, 2, field << 3 | 2, 0]));
        refusal(&onnx, &[spec("observation", &[24])], &[spec("logits", &[11])])
    };
    let error = more(1, 1_000);
    assert!(error.contains("graph has 1004 operators, expected at most 1000"), "{error}");
    let error = more(5, 8_191);
    assert!(error.contains("graph has 8193 constants, expected at most 8192"), "{error}");
}

#[test]
fn weights_that_are_not_numbers_fail_at_run_time() {
    let (network, reference) = loaded(ACTOR_NAN, ACTOR_CASES);
    let mut session = Session::new(&network);
    let mut logits = [7.0; 5];
    for case in &reference.cases {
        let error = session.run(&[&case.inputs[0]], &mut [&mut logits]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Inference);
        assert!(error.to_string().contains("output `logits` [5] is NaN at position 0"), "{error}");
        assert_eq!(logits, [7.0; 5]);
    }
}

#[test]
fn a_session_goes_on_after_a_refused_run() {
    let (network, reference) = loaded(ACTOR, ACTOR_CASES);
    let expected = first_bits(&network, &reference);
    let mut session = Session::new(&network);
    let case = &reference.cases[0];
    let mut logits = [0.0; 5];
    let mut short = [0.0; 4];
    let refused = |result: crate::Result<()>, text: &str| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Inference);
        assert!(error.to_string().contains(text), "{error}");
    };
    refused(session.run(&[&[0.0; 5]], &mut [&mut logits]), "inputs have [5] numbers, expected [6]");
    refused(session.run(&[], &mut [&mut logits]), "inputs have [] numbers, expected [6]");
    refused(session.run(&[&case.inputs[0]], &mut [&mut short]), "outputs have [4] numbers, expected [5]");
    refused(session.run(&[&case.inputs[0]], &mut []), "outputs have [] numbers, expected [5]");
    refused(session.run(&[&[f32::INFINITY; 6]], &mut [&mut logits]), "is inf at position 0");
    assert_eq!(bits(&answers(&mut session, &case.inputs).unwrap()), expected[0]);
}

#[test]
fn a_panic_becomes_its_message() {
    assert_eq!(caught(|| -> u8 { panic!("no such {}", "node") }), Err("no such node".to_string()));
    assert_eq!(caught(|| -> u8 { panic!("plain") }), Err("plain".to_string()));
    assert_eq!(caught(|| 7), Ok(7));
}
