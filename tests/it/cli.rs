//! The program as its users meet it. The files of `tests/cli` are what they type and what they see.

#[test]
fn the_program_answers_as_its_pages_say() {
    trycmd::TestCases::new().env("COLUMNS", "100").env("NO_COLOR", "1").case("tests/cli/*.trycmd").run();
}
