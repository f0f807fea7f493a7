//! Scratch.
fn main() {
    let library = framegate::pack::Library::open(std::path::Path::new(".")).unwrap();
    for id in std::env::args().skip(1) {
        println!("{}", library.lint(&id).render(false));
    }
}
