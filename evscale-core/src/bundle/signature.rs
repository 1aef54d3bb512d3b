//! Ed25519 signatures (RFC 8032) of a manifest, whose checksums bind the network files.

use crate::error::{Error, Result};
use ed25519_compact::{KeyPair, PublicKey, Seed, Signature};

/// Bytes of a seed, which is the secret, and of a public key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// The public key that belongs to a seed. The seed is the secret: 32 bytes from a good source of random numbers.
pub fn public_key(seed: &[u8; KEY_BYTES]) -> [u8; KEY_BYTES] {
    *KeyPair::from_seed(Seed::new(*seed)).pk
}

/// Signs the contents of `manifest.json`. Any other Ed25519 tool gives the same 64 bytes.
pub fn sign(manifest_json: &[u8], seed: &[u8; KEY_BYTES]) -> [u8; SIGNATURE_BYTES] {
    *KeyPair::from_seed(Seed::new(*seed)).sk.sign(manifest_json, None)
}

/// Checks a signature of the contents of `manifest.json`.
///
/// # Errors
/// [`ErrorKind::InvalidBundle`](crate::ErrorKind::InvalidBundle): not 64 bytes, or not made with the secret of this key
/// over these contents.
pub fn verify(manifest_json: &[u8], signature: &[u8], public_key: &[u8; KEY_BYTES]) -> Result<()> {
    let signature = Signature::from_slice(signature).map_err(|_| {
        Error::bundle(format!("signature has {} bytes, expected {SIGNATURE_BYTES}", signature.len()))
    })?;
    PublicKey::new(*public_key).verify(manifest_json, &signature).map_err(|_| {
        Error::bundle(format!(
            "manifest: the signature is not one of the public key {} over these contents",
            hex(public_key)
        ))
    })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
    }

    #[test]
    fn the_second_test_vector_of_rfc_8032() {
        let seed = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(hex(&public_key(&seed)), key);
        assert_eq!(hex(&sign(&[0x72], &seed)), signature);
        verify(&[0x72], &bytes::<64>(signature), &bytes(key)).unwrap();
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let seed = [7; KEY_BYTES];
        let (key, signature) = (public_key(&seed), sign(b"{}", &seed));
        for position in 0..SIGNATURE_BYTES {
            let mut changed = signature;
            changed[position] ^= 1 << (position % 8);
            verify(b"{}", &changed, &key).unwrap_err();
        }
        verify(b"{ }", &signature, &key).unwrap_err();
        verify(b"{}", &signature, &public_key(&[8; KEY_BYTES])).unwrap_err();
        let short = verify(b"{}", &signature[1..], &key).unwrap_err();
        assert!(short.to_string().contains("63 bytes, expected 64"), "{short}");
    }
}
