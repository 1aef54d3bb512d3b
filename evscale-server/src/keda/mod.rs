//! KEDA's external scaler.
