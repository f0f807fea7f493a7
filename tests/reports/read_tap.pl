# Reads a TAP file as a consumer does. It must be well-formed, apart from the end of an interrupted run, and every diagnostic must be YAML.
use strict;
use warnings;
use TAP::Parser;

my ($file, $name) = @ARGV;
my $parser = TAP::Parser->new({source => $file});
my ($points, $failed, $diagnostics, $bailed, $unknown) = (0, 0, 0, 0, 0);
while (my $result = $parser->next) {
    $points++      if $result->is_test;
    $failed++      if $result->is_test && !$result->is_ok;
    $bailed++      if $result->is_bailout;
    $unknown++     if $result->is_unknown;
    if ($result->is_yaml) {
        $diagnostics++;
        my $findings = $result->data->{findings};
        die "$name: a diagnostic without findings\n" unless ref $findings eq 'ARRAY' && defined $findings->[0]{actual};
    }
}
my @errors = grep { !$bailed || !/^Bad plan/ } $parser->parse_errors;
die "$name: @errors\n" if @errors;
die "$name: $unknown lines are no TAP\n" if $unknown;
die "$name: no test points\n" unless $points;
die "$name: no failure has a diagnostic\n" if $failed && !$diagnostics;
print "$name: $points points, $failed failed, $diagnostics diagnostics\n";
