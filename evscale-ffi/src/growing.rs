//! Structs that grow from version to version: their first field is the size that the caller's header gives them.

use crate::boundary::{Outcome, null};
use crate::error::{EVSCALE_BAD_STRUCT_SIZE, EVSCALE_INVALID_ARGUMENT, Failure};

/// Largest `struct_size` that is believed.
const LARGEST_STRUCT: u64 = 65_536;
/// Most elements of an array.
const MOST_ELEMENTS: usize = 1_000_000;
const SIZE_FIELD: usize = size_of::<u64>();

/// A struct of this ABI. Fields are only ever appended.
///
/// # Safety
/// It is `repr(C)` with `struct_size: u64` first, has no padding, and any bytes are a valid value.
pub(crate) unsafe trait Growing: Copy {
    const NAME: &'static str;
    /// Size when the struct was first published, bytes. Never changes.
    const FIRST_VERSION: u64;
    /// The value of the fields that a caller with an older header does not have.
    const ABSENT: Self;
}

/// Checks the size that the caller declares at the beginning of a struct.
pub(crate) fn declared_size<T: Growing>(pointer: *const T) -> Result<usize, Failure> {
    if pointer.is_null() {
        return Err(null(T::NAME));
    }
    // SAFETY: the struct begins with a u64, and the caller hands NULL or a valid pointer.
    checked_size::<T>(unsafe { pointer.cast::<u64>().read_unaligned() })
}

/// Checks a size that the caller declares. Every struct is a multiple of eight bytes long.
fn checked_size<T: Growing>(size: u64) -> Result<usize, Failure> {
    if (T::FIRST_VERSION..=LARGEST_STRUCT).contains(&size) && size.is_multiple_of(SIZE_FIELD as u64) {
        return Ok(size as usize);
    }
    Err(Failure::new(
        EVSCALE_BAD_STRUCT_SIZE,
        format!(
            "`struct_size` of {} is {size}, expected a multiple of 8 in {} to {LARGEST_STRUCT}",
            T::NAME,
            T::FIRST_VERSION
        ),
    ))
}

/// Reads a caller's struct as far as both sides know it.
pub(crate) fn read<T: Growing>(pointer: *const T) -> Result<T, Failure> {
    let shared = declared_size(pointer)?.min(size_of::<T>());
    let mut value = T::ABSENT;
    // SAFETY: `shared` bytes are readable by the declared size, and writable because T is not shorter.
    unsafe {
        std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), (&raw mut value).cast::<u8>(), shared);
    }
    Ok(value)
}

/// Fills a caller's struct as far as both sides know it, but for its `struct_size`.
pub(crate) fn write<T: Growing>(pointer: *mut T, value: &T) -> Outcome {
    let size = declared_size(pointer.cast_const())?;
    // SAFETY: `size` bytes are writable by the declared size.
    unsafe { fill(pointer, value, size) };
    Ok(())
}

/// Fills a struct that declares nothing yet with what is absent, and declares `size`.
pub(crate) fn init<T: Growing>(pointer: *mut T, size: usize) -> Outcome {
    if pointer.is_null() {
        return Err(null(T::NAME));
    }
    let size = checked_size::<T>(size as u64)?;
    // SAFETY: the caller hands a struct of `size` bytes.
    unsafe {
        pointer.cast::<u64>().write_unaligned(size as u64);
        fill(pointer, &T::ABSENT, size);
    }
    Ok(())
}

/// # Safety
/// `pointer` is writable for `size` bytes, at least eight.
unsafe fn fill<T: Growing>(pointer: *mut T, value: &T, size: usize) {
    let shared = size.min(size_of::<T>()) - SIZE_FIELD;
    let from: *const T = value;
    // SAFETY: both sides are at least `SIZE_FIELD + shared` bytes long.
    unsafe {
        let (from, to) = (from.cast::<u8>().add(SIZE_FIELD), pointer.cast::<u8>().add(SIZE_FIELD));
        std::ptr::copy_nonoverlapping(from, to, shared);
    }
}

/// An array of structs that the caller's header may give another size than ours: the first one's `struct_size` is that
/// of all.
pub(crate) struct Array<T> {
    first: *mut T,
    stride: usize,
    count: usize,
}

impl<T: Growing> Array<T> {
    /// NULL is no array, which is fine where `count` is 0 or the caller does not ask for an answer.
    pub(crate) fn optional(first: *mut T, count: usize) -> Result<Option<Self>, Failure> {
        if count > MOST_ELEMENTS {
            let message = format!("`count` is {count}, expected at most {MOST_ELEMENTS}");
            return Err(Failure::new(EVSCALE_INVALID_ARGUMENT, message));
        }
        if first.is_null() || count == 0 {
            return Ok(None);
        }
        Ok(Some(Self { first, stride: declared_size(first.cast_const())?, count }))
    }

    fn at(&self, index: usize) -> *mut T {
        // SAFETY: `read_all` and `write` stay below `count`, and the caller hands so many elements.
        unsafe { self.first.cast::<u8>().add(index * self.stride).cast() }
    }

    /// Every element; all must declare the same size.
    pub(crate) fn read_all(&self) -> Result<Vec<T>, Failure> {
        (0..self.count)
            .map(|index| {
                let element = self.at(index).cast_const();
                let size = declared_size(element)?;
                if size == self.stride {
                    return read(element);
                }
                let (name, first) = (T::NAME, self.stride);
                Err(Failure::new(
                    EVSCALE_BAD_STRUCT_SIZE,
                    format!(
                        "`struct_size` of {name} {index} is {size}, expected {first} as of the first one"
                    ),
                ))
            })
            .collect()
    }

    /// Fills one element and sets its `struct_size`; beyond the array nothing happens.
    pub(crate) fn write(&self, index: usize, value: &T) {
        if index < self.count {
            let to = self.at(index);
            // SAFETY: the element is `stride` bytes long.
            unsafe {
                to.cast::<u64>().write_unaligned(self.stride as u64);
                fill(to, value, self.stride);
            }
        }
    }
}
