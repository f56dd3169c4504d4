// Everything halo-bc needs, in one resource group. `az deployment group create` takes this file; `azd up` comes here through main.bicep.

@description('Begins the names of the resources.')
@minLength(2)
@maxLength(24)
param name string = 'halo-bc'
param location string = resourceGroup().location
param tags object = {}

// The app's settings (README, "Settings").
@description('Address of Halo, for example https://acme.halopsa.com.')
param haloUrl string = ''
param haloClientId string = ''
@description('For shared Halo hosts only.')
param haloTenant string = ''
param haloScope string = 'all'
@minValue(1)
param haloRequestsPer5Minutes int = 450
@minValue(0)
@maxValue(1440)
param haloSweepMinutes int = 5
param bcApiUrl string = 'https://api.businesscentral.dynamics.com'
@description('Sign-in host of Microsoft Entra.')
param authorityHost string = environment().authentication.loginEndpoint
@minValue(1)
@maxValue(5)
param bcMaxConcurrency int = 5
@minValue(100)
@maxValue(100000)
param bcRequestsPer5Minutes int = 5700
@minValue(1)
@maxValue(3650)
param outcomeRetentionDays int = 90
@description('Address of the app under a domain of your own; empty: the one Azure gives.')
param publicUrl string = ''
@description('Further app settings. Settings made by hand in the portal are removed by the next deployment: name them here.')
param extraSettings object = {}

// Secrets go to the Key Vault. Empty: the vault keeps what it has.
@secure()
param encryptionKeys string = ''
@secure()
param adminKey string = ''
@secure()
param haloClientSecret string = ''
@description('Object id of the person who may set the secrets; empty for nobody.')
param operatorPrincipalId string = ''

// Sign-in of admins.
@description('Client id of the app registration with the app role Admin; empty: admins use ADMIN_KEY.')
param authClientId string = ''

// Watching.
@description('Who is told of alerts; empty: they are shown in the portal only.')
param alertEmail string = ''
@description('Told when nothing was synced for this many hours between two working days; 0 for never.')
@allowed([0, 1, 2, 3, 4, 5, 6, 24, 48])
param quietHours int = 24
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30
@description('Intake of logs stops for the day at this many GB; -1 for no limit.')
@minValue(-1)
param logDailyGigabytes int = 1

// Size.
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048
@description('The most instances of each group of functions.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40
@description('HTTP instances kept warm, at a price.')
@minValue(0)
@maxValue(20)
param alwaysReadyHttp int = 0
@description('HTTP calls at once in one instance.')
@minValue(1)
@maxValue(100)
param httpConcurrency int = 16
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS'])
param storageSku string = 'Standard_LRS'

// Network.
@description('Storage and vault behind private endpoints, calls out through a virtual network.')
param virtualNetwork bool = false
param addressPrefix string = '10.80.0.0/24'

var token = toLower(uniqueString(resourceGroup().id, name))
var suffix = '${name}-${token}'
var allTags = union({ application: 'halo-bc' }, tags)

// Made before everything else, so that its roles stand before the app first starts.
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${suffix}'
  location: location
  tags: allTags
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    suffix: suffix
    location: location
    tags: allTags
    principalId: identity.properties.principalId
    retentionDays: logRetentionDays
    dailyGigabytes: logDailyGigabytes
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    name: 'st${token}'
    location: location
    tags: allTags
    sku: storageSku
    principalId: identity.properties.principalId
    publicAccess: !virtualNetwork
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    name: 'kv-${token}'
    location: location
    tags: allTags
    principalId: identity.properties.principalId
    operatorPrincipalId: operatorPrincipalId
    publicAccess: !virtualNetwork
    encryptionKeys: encryptionKeys
    adminKey: adminKey
    haloClientSecret: haloClientSecret
  }
}

module network 'modules/network.bicep' = if (virtualNetwork) {
  name: 'network'
  params: {
    suffix: suffix
    location: location
    tags: allTags
    storageId: storage.outputs.id
    vaultId: vault.outputs.id
    addressPrefix: addressPrefix
  }
}

module app 'modules/function_app.bicep' = {
  name: 'function-app'
  params: {
    name: suffix
    location: location
    tags: allTags
    identityId: identity.id
    identityClientId: identity.properties.clientId
    packageContainerUri: storage.outputs.packageContainerUri
    subnetId: virtualNetwork ? network.outputs.appSubnetId : ''
    authClientId: authClientId
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyHttp: alwaysReadyHttp
    httpConcurrency: httpConcurrency
    settings: union(extraSettings, {
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identity.properties.clientId
      AzureWebJobsStorage__blobServiceUri: storage.outputs.blobUri
      AzureWebJobsStorage__queueServiceUri: storage.outputs.queueUri
      AzureWebJobsStorage__tableServiceUri: storage.outputs.tableUri
      AzureWebJobsDisableHomepage: 'true'
      APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.telemetryAddress
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
      ENCRYPTION_KEYS: '@Microsoft.KeyVault(SecretUri=${vault.outputs.uri}secrets/encryption-keys)'
      ADMIN_KEY: '@Microsoft.KeyVault(SecretUri=${vault.outputs.uri}secrets/admin-key)'
      HALO_CLIENT_SECRET: '@Microsoft.KeyVault(SecretUri=${vault.outputs.uri}secrets/halo-client-secret)'
      PUBLIC_URL: publicUrl
      HALO_URL: haloUrl
      HALO_CLIENT_ID: haloClientId
      HALO_TENANT: haloTenant
      HALO_SCOPE: haloScope
      HALO_REQUESTS_PER_5_MINUTES: string(haloRequestsPer5Minutes)
      HALO_SWEEP_MINUTES: string(haloSweepMinutes)
      BC_API_URL: bcApiUrl
      AZURE_AUTHORITY_HOST: authorityHost
      BC_MAX_CONCURRENCY: string(bcMaxConcurrency)
      BC_REQUESTS_PER_5_MINUTES: string(bcRequestsPer5Minutes)
      OUTCOME_RETENTION_DAYS: string(outcomeRetentionDays)
    })
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    suffix: suffix
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
    email: alertEmail
    quietHours: quietHours
  }
}

output functionAppName string = suffix
output functionAppId string = app.outputs.id
output url string = app.outputs.url
@description('To register as redirect URI of the Business Central app registration.')
output redirectUri string = '${empty(publicUrl) ? app.outputs.url : publicUrl}/auth/callback'
@description('Object id of the app\'s identity: the subject of the federated credential for App Service Authentication.')
output identityPrincipalId string = identity.properties.principalId
output vaultName string = 'kv-${token}'
