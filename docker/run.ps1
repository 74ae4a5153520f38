# JupyterLab on http://127.0.0.1:8888, or with arguments xaisigns with these; both in a container that sees the current
# folder as /workspace. docker/run.sh does the same on Linux and macOS.

function Fail($message) {
    [Console]::Error.WriteLine("docker/run.ps1: $message")
    exit 1
}

if (-not (Get-Command docker -ErrorAction SilentlyContinue)) {
    Fail 'docker was not found; install Docker (docs.docker.com/get-docker), or xaisigns without it: see README.md'
}
docker info *> $null
if ($LASTEXITCODE -ne 0) {
    Fail "Docker's engine does not answer; start Docker Desktop or the docker service, and see what 'docker info' says"
}

docker image inspect xaisigns *> $null
if ($LASTEXITCODE -ne 0) {
    docker build --tag xaisigns (Split-Path $PSScriptRoot) | Out-Host
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}

$folder = (Get-Location).ProviderPath
$options = @('--rm', '--init', '--volume', "${folder}:/workspace", '--volume', 'xaisigns-cache:/cache', '--env', 'XAISIGNS_LANG')
if ($IsLinux -or $IsMacOS) { $options += '--user', "$(id -u):$(id -g)" } # Docker Desktop on Windows does this by itself
if (-not [Console]::IsInputRedirected -and -not [Console]::IsOutputRedirected) { $options += '--interactive', '--tty' }
if ($args.Count -eq 0) { $options += '--publish', '127.0.0.1:8888:8888', '--env', 'JUPYTER_TOKEN' }

# PowerShell reads a,b as a list of two; the command line wants it as one word.
$words = @($args | ForEach-Object { $_ -join ',' })
docker run @options xaisigns @words
exit $LASTEXITCODE
